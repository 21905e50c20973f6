//! The program of the holder: less than a hundred bytes that sleep until they are asked to end.

use crate::image::own::OwnImage;
use bytes::Bytes;

/// Where it is in its image.
pub(super) const PATH: &str = "/wait";

/// The image of the program for a kind of processor (`linux/amd64`), if there is one.
pub(super) fn image(platform: &str) -> Option<OwnImage> {
    let program = match platform {
        "linux/amd64" | "linux/x86_64" => Some(executable(62, 0x1000, &X86_64)),
        "linux/arm64" | "linux/aarch64" => Some(executable(183, 0x1_0000, &AARCH64)),
        _ => None,
    };
    Some(OwnImage::holder(layer(&program?)))
}

/// Where programs are loaded: the address at which linkers put them by custom.
const LOADED_AT: u64 = 0x40_0000;

/// Lengths of the two headers below.
const FILE_HEADER: u16 = 64;
const SEGMENT_HEADER: u16 = 56;

// Both programs do the same, with the kernel's calls and nothing else:
//
//     sigset mask = {INT, TERM}
//     rt_sigprocmask(SIG_BLOCK, &mask, NULL, 8)     because the kernel does not even deliver to a first process what it neither
//                                                   handles nor blocks
//     do n = rt_sigtimedwait(&mask, NULL, NULL, 8)  sleeps until one of them comes
//     while n <= 0                                  (stopped and continued in between)
//     exit_group(0)
#[rustfmt::skip]
const X86_64: [u8; 72] = [
    0xb8, 14, 0, 0, 0,             // mov  eax, 14     rt_sigprocmask
    0x31, 0xff,                    // xor  edi, edi    SIG_BLOCK
    0xbe, 0xb8, 0x00, 0x40, 0x00,  // mov  esi, mask
    0x31, 0xd2,                    // xor  edx, edx
    0x41, 0xba, 8, 0, 0, 0,        // mov  r10d, 8
    0x0f, 0x05,                    // syscall
    0xb8, 128, 0, 0, 0,            // wait: mov eax, 128  rt_sigtimedwait
    0xbf, 0xb8, 0x00, 0x40, 0x00,  // mov  edi, mask
    0x31, 0xf6,                    // xor  esi, esi
    0x31, 0xd2,                    // xor  edx, edx
    0x41, 0xba, 8, 0, 0, 0,        // mov  r10d, 8
    0x0f, 0x05,                    // syscall
    0x85, 0xc0,                    // test eax, eax
    0x7e, 0xe6,                    // jle  wait
    0x31, 0xff,                    // xor  edi, edi
    0xb8, 231, 0, 0, 0,            // mov  eax, 231    exit_group
    0x0f, 0x05,                    // syscall
    0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90,
    0x02, 0x40, 0, 0, 0, 0, 0, 0,  // mask, at 0x4000b8: bits 1 (INT is signal 2) and 14 (TERM is signal 15)
];

#[rustfmt::skip]
const AARCH64: [u8; 80] = [
    0x00, 0x00, 0x80, 0xd2,  // mov  x0, #0      SIG_BLOCK
    0x21, 0x02, 0x00, 0x10,  // adr  x1, mask
    0x02, 0x00, 0x80, 0xd2,  // mov  x2, #0
    0x03, 0x01, 0x80, 0xd2,  // mov  x3, #8
    0xe8, 0x10, 0x80, 0xd2,  // mov  x8, #135    rt_sigprocmask
    0x01, 0x00, 0x00, 0xd4,  // svc  #0
    0x80, 0x01, 0x00, 0x10,  // wait: adr x0, mask
    0x01, 0x00, 0x80, 0xd2,  // mov  x1, #0
    0x02, 0x00, 0x80, 0xd2,  // mov  x2, #0
    0x03, 0x01, 0x80, 0xd2,  // mov  x3, #8
    0x28, 0x11, 0x80, 0xd2,  // mov  x8, #137    rt_sigtimedwait
    0x01, 0x00, 0x00, 0xd4,  // svc  #0
    0x1f, 0x00, 0x00, 0x71,  // cmp  w0, #0
    0x2d, 0xff, 0xff, 0x54,  // b.le wait
    0x00, 0x00, 0x80, 0xd2,  // mov  x0, #0
    0xc8, 0x0b, 0x80, 0xd2,  // mov  x8, #94     exit_group
    0x01, 0x00, 0x00, 0xd4,  // svc  #0
    0x1f, 0x20, 0x03, 0xd5,  // nop
    0x02, 0x40, 0, 0, 0, 0, 0, 0,  // mask: bits 1 (INT is signal 2) and 14 (TERM is signal 15)
];

/// The smallest file that the kernel runs: the header of an ELF file, one segment that is the whole file, and the code.
fn executable(machine: u16, page: u64, code: &[u8]) -> Vec<u8> {
    let headers = u64::from(FILE_HEADER + SEGMENT_HEADER);
    let length = headers + code.len() as u64;
    let mut file = Vec::new();
    // 64 bits, little endian, version 1, no particular system.
    file.extend_from_slice(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0");
    let mut put = |bytes: &[u8]| file.extend_from_slice(bytes);
    // A program (2) for that machine, version 1; it begins behind the headers.
    put(&2_u16.to_le_bytes());
    put(&machine.to_le_bytes());
    put(&1_u32.to_le_bytes());
    put(&(LOADED_AT + headers).to_le_bytes());
    // The segments' headers follow this one; there are no sections, no flags.
    put(&u64::from(FILE_HEADER).to_le_bytes());
    put(&0_u64.to_le_bytes());
    put(&0_u32.to_le_bytes());
    for number in [FILE_HEADER, SEGMENT_HEADER, 1, 0, 0, 0] {
        put(&number.to_le_bytes());
    }
    // To be loaded (1), to be read and run (4 + 1), from the beginning of the file; the same length in the file and in memory.
    put(&1_u32.to_le_bytes());
    put(&5_u32.to_le_bytes());
    for number in [0, LOADED_AT, LOADED_AT, length, length, page] {
        put(&number.to_le_bytes());
    }
    put(code);
    file
}

/// A tar with the program as `/wait`.
fn layer(program: &[u8]) -> Bytes {
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_mode(0o755);
    header.set_size(program.len() as u64);
    builder.append_data(&mut header, PATH.trim_start_matches('/'), program).expect("writing to memory cannot fail");
    builder.into_inner().expect("writing to memory cannot fail").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_programs_are_whole() {
        for (code, machine) in [(&X86_64[..], 62), (&AARCH64[..], 183)] {
            let file = executable(machine, 0x1000, code);
            assert_eq!(file.len(), 120 + code.len());
            assert_eq!(&file[120..], code);
            // The mask is read as eight bytes in a row that end with the file, aligned.
            assert_eq!((file[file.len() - 8..].to_vec(), file.len() % 8), (vec![0x02, 0x40, 0, 0, 0, 0, 0, 0], 0));
        }
        // The x86 program names the mask by its address.
        assert_eq!(LOADED_AT + 120 + 64, 0x40_00b8);
    }

    /// On the kind of processor that the tests run on it really runs, waits, and ends when it is asked.
    #[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
    #[test]
    fn it_waits_until_it_is_asked_to_end() {
        use std::io::Write as _;
        use std::os::unix::fs::OpenOptionsExt as _;
        use std::process::Command;
        let (machine, page, code) = if cfg!(target_arch = "x86_64") { (62, 0x1000, &X86_64[..]) } else { (183, 0x1_0000, &AARCH64[..]) };
        let folder = std::env::temp_dir().join(format!("lp-holder-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("wait");
        let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o755).open(&path).unwrap();
        file.write_all(&executable(machine, page, code)).unwrap();
        drop(file);
        let mut child = Command::new(&path).spawn().unwrap();
        let signal = |name: &str, pid: u32| assert!(Command::new("kill").arg(name).arg(pid.to_string()).status().unwrap().success());
        signal("-STOP", child.id());
        signal("-CONT", child.id());
        // Until it sleeps the signal would simply end it, as it would any program.
        while !std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap().contains("State:\tS") {
            assert!(child.try_wait().unwrap().is_none(), "it does not end by itself");
            std::thread::yield_now();
        }
        signal("-TERM", child.id());
        assert_eq!(child.wait().unwrap().code(), Some(0));
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
