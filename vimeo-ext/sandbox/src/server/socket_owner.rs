//! Which user a connection of this machine comes from. Linux tells it in its table of sockets, other systems in no way that
//! needs no code of the system's own.

use std::net::SocketAddr;

/// The two ends of a TCP connection, as the server sees them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ends {
    pub(crate) peer: SocketAddr,
    pub(crate) own: SocketAddr,
}

/// Whether the peer's socket belongs to the user whom the server's own belongs to, or to the superuser; `None` where the system does
/// not tell.
#[cfg(target_os = "linux")]
pub(crate) fn is_same_user(ends: Ends) -> Option<bool> {
    use std::io::Read as _;

    /// Some 400,000 sockets.
    const MAX_TABLE_BYTES: u64 = 64 * 1024 * 1024;

    let mut owners = Owners::default();
    let mut readable = false;
    // A client of IPv4 can be connected to a listener of IPv6, and then its ends are in different tables.
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

/// How the table writes that both ends of a connection are open.
#[cfg(any(target_os = "linux", test))]
const ESTABLISHED: &str = "01";

#[cfg(any(target_os = "linux", test))]
impl Owners {
    /// Looks both ends up in a table of sockets.
    fn read(&mut self, table: &str, Ends { peer, own }: Ends) {
        for line in table.lines().skip(1) {
            let mut columns = line.split_ascii_whitespace();
            let local = columns.nth(1).and_then(address);
            let remote = columns.next().and_then(address);
            let is_established = columns.next() == Some(ESTABLISHED);
            let user: Option<u32> = columns.nth(3).and_then(|user| user.parse().ok());
            // A socket that its program has closed belongs to nobody, which the table writes as 0 too.
            let user = user.filter(|user| *user != 0 || is_established);
            if local == Some(canonical(peer)) && remote == Some(canonical(own)) {
                self.peer = user;
            }
            if local == Some(canonical(own)) && remote == Some(canonical(peer)) {
                self.own = user;
            }
        }
    }

    /// A peer that is not found is nobody's friend: its socket is closed, or in another container.
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

/// Reads `0100007F:1F90`: words of the address in the machine's own order of bytes, and the port.
#[cfg(any(target_os = "linux", test))]
fn address(text: &str) -> Option<SocketAddr> {
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

    /// A listener of user 1000 at 127.0.0.1:8080, with a client of theirs, one of user 1001, one of the superuser, one whose program
    /// has closed its socket, and one of theirs that has ended its half alone.
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

    /// The server's end of a connection of IPv4 to a listener of IPv6.
    const TABLE6: &str = "\
   0: 0000000000000000FFFF00000100007F:1F90 0000000000000000FFFF00000100007F:C351 01 00000000:00000000 00:00000000 00000000  1001        0 28 1 0 20 4 30 10 -1
   1: 00000000000000000000000001000000:1F90 00000000000000000000000001000000:C350 01 00000000:00000000 00:00000000 00000000  1000        0 29 1 0 20 4 30 10 -1
";

    #[test]
    fn the_owner_of_a_peer_is_read_from_the_table() {
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
        assert_eq!(address("00000000000000000000000001000000:1F90"), Some("[::1]:8080".parse().unwrap()));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_connection_whose_program_has_closed_it_is_nobodys() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (accepted, peer) = listener.accept().unwrap();
        drop(client);
        let ends = Ends { peer, own: accepted.local_addr().unwrap() };
        assert_eq!(is_same_user(ends), Some(false));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_connection_of_ones_own_is_recognised() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let _client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (accepted, peer) = listener.accept().unwrap();
        let ends = Ends { peer, own: accepted.local_addr().unwrap() };
        assert_eq!(is_same_user(ends), Some(true));
        // Nobody has the connection the other way round.
        let nowhere = Ends { peer: "127.0.0.1:1".parse().unwrap(), ..ends };
        assert_eq!(is_same_user(nowhere), Some(false));
    }
}
