//! Memory use does not grow with the file. Measured in a process of its own, by the system, so that other tests and
//! the allocator do not interfere.

use std::process::Command;

use vimeo_ext::upload::{Upload, UploadTicket};

use crate::tus_server::TusServer;

const MIB: u64 = 1024 * 1024;

/// The peak memory of this process, in bytes.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib * 1024
}

#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "reads the peak from /proc")]
fn large_upload_uses_constant_memory() {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "upload_memory::child", "--ignored", "--nocapture", "--test-threads=1"])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("1 passed"), "the measurement did not run: {text}");
}

#[tokio::test]
#[ignore = "run by the test above, in a process of its own"]
async fn child() {
    let size = 2048 * MIB;
    // Includes the fixed costs of a client, such as the system's certificates.
    upload(1).await;
    let before = peak();
    upload(size).await;
    let grown = peak() - before;
    println!("peak grew by {} KiB for {} MiB", grown / 1024, size / MIB);
    assert!(grown < 16 * MIB, "peak grew by {grown} bytes");
}

async fn upload(size: u64) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("film.mp4");
    std::fs::File::create(&path).unwrap().set_len(size).unwrap();
    let server = TusServer::discarding(size).await;
    let ticket = UploadTicket::new("/videos/1", server.link(), size).unwrap();
    let uploaded = Upload::new(ticket, path).run().await.unwrap();
    assert_eq!(server.offset(), size);
    assert_eq!(uploaded.failures, 0);
}
