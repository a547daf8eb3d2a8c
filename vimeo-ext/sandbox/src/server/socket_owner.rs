//! Determines which local user a connection comes from, from the socket table of Linux. Other systems offer no portable way.

use std::net::SocketAddr;

/// The two addresses of a TCP connection, as seen by the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ends {
    pub(crate) peer: SocketAddr,
    pub(crate) own: SocketAddr,
}

/// Whether the peer's socket belongs to the same user as the server's, or to root; `None` if the system cannot tell.
#[cfg(target_os = "linux")]
pub(crate) fn is_same_user(ends: Ends) -> Option<bool> {
    use std::io::Read as _;

    /// Enough for some 400,000 sockets.
    const MAX_TABLE_BYTES: u64 = 64 * 1024 * 1024;

    let mut owners = Owners::default();
    let mut readable = false;
    // An IPv4 client of an IPv6 listener has its ends in different tables.
    for path in ["/proc/net/tcp", "/proc/net/tcp6"] {
        let mut table = String::new();
        if let Ok(file) = std::fs::File::open(path)
            && file.take(MAX_TABLE_BYTES).read_to_string(&mut table).is_ok()
        {
            readable = true;
            owners.read(&table, ends);
        }
    }
    readable.then(|| owners.are_same())
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn is_same_user(_: Ends) -> Option<bool> {
    None
}

#[cfg(any(target_os = "linux", test))]
#[derive(Debug, Default)]
struct Owners {
    peer: Option<u32>,
    own: Option<u32>,
}

/// The state of an open connection in the table.
#[cfg(any(target_os = "linux", test))]
const ESTABLISHED: &str = "01";

#[cfg(any(target_os = "linux", test))]
impl Owners {
    /// Looks up both ends in a socket table.
    fn read(&mut self, table: &str, Ends { peer, own }: Ends) {
        for line in table.lines().skip(1) {
            let mut columns = line.split_ascii_whitespace();
            let local = columns.nth(1).and_then(parse_address);
            let remote = columns.next().and_then(parse_address);
            let is_established = columns.next() == Some(ESTABLISHED);
            let user: Option<u32> = columns.nth(3).and_then(|user| user.parse().ok());
            // The table shows owner 0 for a socket that its program has closed, too.
            let user = user.filter(|user| *user != 0 || is_established);
            if local == Some(canonical(peer)) && remote == Some(canonical(own)) {
                self.peer = user;
            }
            if local == Some(canonical(own)) && remote == Some(canonical(peer)) {
                self.own = user;
            }
        }
    }

    /// `false` if the peer is not found: its socket is closed, or in another container.
    fn are_same(&self) -> bool {
        match (self.peer, self.own) {
            (Some(0), _) => true,
            (Some(peer), Some(own)) => peer == own,
            _ => false,
        }
    }
}

#[cfg(any(target_os = "linux", test))]
fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// Parses `0100007F:1F90`: the address as words in native byte order, and the port.
#[cfg(any(target_os = "linux", test))]
fn parse_address(text: &str) -> Option<SocketAddr> {
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

    let (ip, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |at: usize| {
        let word = u32::from_str_radix(ip.get(at * 8..at * 8 + 8)?, 16).ok()?;
        Some(word.to_ne_bytes())
    };
    let ip = match ip.len() {
        8 => IpAddr::V4(Ipv4Addr::from(word(0)?)),
        32 => {
            let words = [word(0)?, word(1)?, word(2)?, word(3)?];
            let bytes: [u8; 16] = words.concat().try_into().ok()?;
            IpAddr::V6(Ipv6Addr::from(bytes))
        }
        _ => return None,
    };
    Some(canonical(SocketAddr::new(ip, port)))
}

#[cfg(target_endian = "little")]
#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str =
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";

    /// A listener of user 1000 at 127.0.0.1:8080 with these clients: the same user, user 1001, root, one whose program has closed
    /// its socket, and one of user 1000 that has shut down its sending half.
    const TABLE: &str = "\
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 21 1 0 100 0 0 10 0
   1: 0100007F:1F90 0100007F:C350 01 00000000:00000000 00:00000000 00000000  1000        0 22 1 0 20 4 30 10 -1
   2: 0100007F:C350 0100007F:1F90 01 00000000:00000000 00:00000000 00000000  1000        0 23 1 0 20 4 30 10 -1
   3: 0100007F:1F90 0100007F:C351 01 00000000:00000000 00:00000000 00000000  1000        0 24 1 0 20 4 30 10 -1
   4: 0100007F:C351 0100007F:1F90 01 00000000:00000000 00:00000000 00000000  1001        0 25 1 0 20 4 30 10 -1
   5: 0100007F:1F90 0100007F:C352 01 00000000:00000000 00:00000000 00000000  1000        0 26 1 0 20 4 30 10 -1
   6: 0100007F:C352 0100007F:1F90 01 00000000:00000000 00:00000000 00000000     0        0 27 1 0 20 4 30 10 -1
   7: 0100007F:1F90 0100007F:C353 08 00000000:00000000 00:00000000 00000000  1000        0 30 1 0 20 4 30 10 -1
   8: 0100007F:C353 0100007F:1F90 05 00000000:00000000 00:00000000 00000000     0        0 0 3 0000000000000000
   9: 0100007F:1F90 0100007F:C354 08 00000000:00000000 00:00000000 00000000  1000        0 31 1 0 20 4 30 10 -1
  10: 0100007F:C354 0100007F:1F90 05 00000000:00000000 00:00000000 00000000  1000        0 32 1 0 20 4 30 10 -1
";

    /// The server's end of an IPv4 connection to an IPv6 listener.
    const TABLE6: &str = "\
   0: 0000000000000000FFFF00000100007F:1F90 0000000000000000FFFF00000100007F:C351 01 00000000:00000000 00:00000000 00000000  1001        0 28 1 0 20 4 30 10 -1
   1: 00000000000000000000000001000000:1F90 00000000000000000000000001000000:C350 01 00000000:00000000 00:00000000 00000000  1000        0 29 1 0 20 4 30 10 -1
";

    #[test]
    fn reads_peer_owner_from_table() {
        let ends = |peer: &str, own: &str| Ends { peer: peer.parse().unwrap(), own: own.parse().unwrap() };
        for (tables, ends, same) in [
            (vec![TABLE], ends("127.0.0.1:50000", "127.0.0.1:8080"), true),
            (vec![TABLE], ends("127.0.0.1:50001", "127.0.0.1:8080"), false),
            (vec![TABLE], ends("127.0.0.1:50002", "127.0.0.1:8080"), true),
            (vec![TABLE], ends("127.0.0.1:50003", "127.0.0.1:8080"), false),
            (vec![TABLE], ends("127.0.0.1:50004", "127.0.0.1:8080"), true),
            (vec![TABLE], ends("127.0.0.1:50005", "127.0.0.1:8080"), false),
            (vec![TABLE, TABLE6], ends("[::ffff:127.0.0.1]:50001", "[::ffff:127.0.0.1]:8080"), true),
            (vec!["0: nonsense", ""], ends("127.0.0.1:50000", "127.0.0.1:8080"), false),
        ] {
            let mut owners = Owners::default();
            tables.iter().for_each(|table| owners.read(&format!("{HEAD}{table}"), ends));
            assert_eq!(owners.are_same(), same, "{ends:?}");
        }
        assert_eq!(
            parse_address("00000000000000000000000001000000:1F90"),
            Some("[::1]:8080".parse().unwrap())
        );
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn closed_socket_has_no_owner() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (accepted, peer) = listener.accept().unwrap();
        drop(client);
        let ends = Ends { peer, own: accepted.local_addr().unwrap() };
        assert_eq!(is_same_user(ends), Some(false));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn recognizes_own_connection() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let _client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (accepted, peer) = listener.accept().unwrap();
        let ends = Ends { peer, own: accepted.local_addr().unwrap() };
        assert_eq!(is_same_user(ends), Some(true));
        // No such connection.
        let nowhere = Ends { peer: "127.0.0.1:1".parse().unwrap(), ..ends };
        assert_eq!(is_same_user(nowhere), Some(false));
    }
}
