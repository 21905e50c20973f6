//! The holder: a container that does nothing but keep a network namespace alive for steps that share it.
//!
//! Its image is made on the spot from a program of less than a hundred bytes, so that no registry is asked and nothing has to be shipped.

use crate::connect::Engine;
use crate::network::{Abilities, Layout, is_host_name};
use crate::prepare::make_image;
use crate::time::Moment;
use crate::{DockerBackend, container, error, labels};
use bollard::models::{ContainerCreateBody, ContainerState, EndpointSettings, HostConfig, NetworkingConfig};
use bollard::query_parameters::{ContainerArchiveInfoOptionsBuilder, CreateContainerOptionsBuilder, RemoveContainerOptionsBuilder};
use bytes::Bytes;
use lp_backend::{BackendError, StageContext};
use std::collections::HashMap;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

/// Name and version of its image.
const IMAGE: (&str, &str) = ("letterpress/holder", "1");

/// Files that all who share a namespace share, too. The engine writes them before the holder starts.
const SHARED_FILES: [&str; 3] = ["/etc/hosts", "/etc/resolv.conf", "/etc/hostname"];

/// Name of the holder of a stage.
pub(crate) fn name(stage: &StageContext) -> String {
    format!("{}-holder", stage.name())
}

/// What became of a holder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The stage has none.
    None,
    /// It is not there.
    Gone,
    /// It has ended, at that moment if the engine can say.
    Ended(Option<Moment>),
    /// It runs since then; the second is when it ended before, if it ever did.
    Runs(Option<Moment>, Option<Moment>),
}

impl DockerBackend {
    /// The networks of the stage on the engine in use.
    pub(crate) async fn layout(&self, engine: &Engine, stage: &StageContext) -> Result<Layout, BackendError> {
        Ok(Layout::of(&stage.stage, self.abilities(engine).await?))
    }

    async fn abilities(&self, engine: &Engine) -> Result<Abilities, BackendError> {
        // Podman writes the hosts file of a shared namespace anew for each who joins, and removes no holder before all who ever joined are
        // removed: what a step changed there could not be taken back.
        let holder = !engine.is_podman() && program(engine).is_some() && !self.holders_fail.load(Ordering::Relaxed);
        let known = self.bridge.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((address, bridge)) = known
            && address == engine.info.address
        {
            return Ok(Abilities { bridge, holder });
        }
        // Podman's default network has another name, but it is what `bridge` means there.
        let bridge = engine.is_podman()
            || match engine.docker.inspect_network("bridge", None).await {
                Ok(_) => true,
                Err(missing) if error::is_missing(&missing) => false,
                Err(refused) => return Err(error::call("look for the default network", &refused)),
            };
        *self.bridge.lock().unwrap_or_else(PoisonError::into_inner) = Some((engine.info.address.clone(), bridge));
        Ok(Abilities { bridge, holder })
    }

    /// Makes sure that the holder runs. Where it cannot be made to, that is remembered and everybody gets a namespace of his own: slower, not
    /// less right.
    pub(crate) async fn make_holder(&self, engine: &Engine, stage: &StageContext, layout: &Layout) -> Result<(), BackendError> {
        match self.start_holder(engine, stage, layout).await {
            Err(BackendError::Call { action, message, .. }) => {
                tracing::warn!(action, "the holder of a network cannot be used: {message}");
                self.holders_fail.store(true, Ordering::Relaxed);
                Ok(())
            }
            other => other,
        }
    }

    async fn start_holder(&self, engine: &Engine, stage: &StageContext, layout: &Layout) -> Result<(), BackendError> {
        let name = name(stage);
        let Some(program) = program(engine) else { return Ok(()) };
        let body = body(stage, layout, &self.owner);
        let options = CreateContainerOptionsBuilder::new().name(&name).build();
        let create = || engine.docker.create_container(Some(options.clone()), body.clone());
        let mut created = create().await;
        if created.as_ref().is_err_and(error::is_missing) {
            // One at a time: of two imports at once one would lose its name to the other and lie about.
            let _turn = self.own_images.lock().await;
            created = create().await;
            if created.as_ref().is_err_and(error::is_missing) {
                make_image(engine, IMAGE, image_archive(program)).await?;
                created = create().await;
            }
        }
        match created {
            Ok(_) => {}
            // It is there already, running or not: starting what runs is no error.
            Err(exists) if error::is_taken(&exists) => {}
            Err(refused) => return Err(error::call(format!("create container `{name}`"), &refused)),
        }
        engine.docker.start_container(&name, None).await.map_err(|refused| error::call(format!("start container `{name}`"), &refused))
    }

    /// Makes sure before a step starts that its namespace is there and as the engine made it.
    ///
    /// The hosts file, the resolver's file and the host name's are shared with the namespace. What one step writes into them is not for
    /// the next one, so a holder whose files were changed is replaced: no step runs in its namespace now, because those who share one are
    /// never awaited at the same time. Says whether it was replaced.
    pub(crate) async fn freshen_holder(&self, engine: &Engine, stage: &StageContext, layout: &Layout) -> Result<bool, BackendError> {
        let name = name(stage);
        let docker = &engine.docker;
        let changed_at = async |path: &str| {
            let options = ContainerArchiveInfoOptionsBuilder::new().path(path).build();
            let found = docker.get_container_archive_info(&name, Some(options)).await;
            found.ok().and_then(|found| found.modification_time).as_deref().and_then(Moment::parse)
        };
        let [hosts, resolver, host_name] = SHARED_FILES;
        let (fate, hosts, resolver, host_name) =
            tokio::join!(fate(engine, stage), changed_at(hosts), changed_at(resolver), changed_at(host_name));
        match fate? {
            Fate::Runs(Some(since), _) if [hosts, resolver, host_name].into_iter().flatten().all(|changed| changed <= since) => Ok(false),
            Fate::Runs(Some(_), _) => {
                let force = RemoveContainerOptionsBuilder::new().force(true).build();
                match docker.remove_container(&name, Some(force)).await {
                    Ok(()) => {}
                    Err(missing) if error::is_missing(&missing) => {}
                    Err(refused) => return Err(error::call(format!("remove container `{name}`"), &refused)),
                }
                self.start_holder(engine, stage, layout).await.map(|()| true)
            }
            Fate::Runs(None, _) | Fate::None => Ok(false),
            // The engine was restarted, or someone removed it.
            Fate::Ended(_) | Fate::Gone => self.start_holder(engine, stage, layout).await.map(|()| true),
        }
    }
}

/// What became of the holder of a stage that has one.
pub(crate) async fn fate(engine: &Engine, stage: &StageContext) -> Result<Fate, BackendError> {
    let name = name(stage);
    match engine.docker.inspect_container(&name, None).await {
        Ok(found) => Ok(fate_of(&found.state.unwrap_or_default())),
        Err(missing) if error::is_missing(&missing) => Ok(Fate::Gone),
        Err(refused) => Err(error::call(format!("look for container `{name}`"), &refused)),
    }
}

fn fate_of(state: &ContainerState) -> Fate {
    let moment = |text: &Option<String>| text.as_deref().and_then(Moment::parse);
    match state.running {
        Some(true) => Fate::Runs(moment(&state.started_at), moment(&state.finished_at)),
        _ => Fate::Ended(moment(&state.finished_at)),
    }
}

fn body(stage: &StageContext, layout: &Layout, owner: &str) -> ContainerCreateBody {
    let names: Vec<String> = layout.sharing(&stage.stage).into_iter().filter(|name| is_host_name(name)).map(str::to_owned).collect();
    let networking = layout.network.then(|| {
        let endpoint = EndpointSettings { aliases: Some(names.clone()), ..Default::default() };
        NetworkingConfig { endpoints_config: Some(HashMap::from([(stage.name(), endpoint)])) }
    });
    ContainerCreateBody {
        image: Some(format!("docker.io/{}:{}", IMAGE.0, IMAGE.1)),
        cmd: Some(vec!["/wait".to_owned()]),
        labels: Some(labels::of_stage(owner, stage)),
        host_config: Some(HostConfig {
            network_mode: Some(if layout.network { stage.name() } else { "bridge".to_owned() }),
            extra_hosts: (!layout.network).then(|| names.iter().map(|name| format!("{name}:127.0.0.1")).collect()),
            log_config: Some(container::log_config(false)),
            cap_drop: Some(vec!["ALL".to_owned()]),
            ..Default::default()
        }),
        networking_config: networking,
        ..Default::default()
    }
}

/// A program for the engine's kind of processor, if there is one.
fn program(engine: &Engine) -> Option<Vec<u8>> {
    match engine.info.platform.as_str() {
        "linux/amd64" | "linux/x86_64" => Some(executable(62, 0x1000, &X86_64)),
        "linux/arm64" | "linux/aarch64" => Some(executable(183, 0x1_0000, &AARCH64)),
        _ => None,
    }
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
fn image_archive(program: Vec<u8>) -> Bytes {
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_mode(0o755);
    header.set_size(program.len() as u64);
    builder.append_data(&mut header, "wait", &program[..]).expect("writing to memory cannot fail");
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
