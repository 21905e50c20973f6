//! What could become huge work gets its answer, within a few bytes. A program of its own, because the bytes of a whole program are
//! counted; the times are in the benchmark.

#[path = "hostile/bombs.rs"]
mod bombs;

use lp_model::Severity;
use lp_pipeline::{PipelineFile, compile, lint, outline};
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATED: PeakAlloc = PeakAlloc;

const MAX_BYTES: usize = 100_000_000;

#[test]
fn every_bomb_gets_its_answer_within_100_megabytes() {
    let mut wrong = Vec::new();
    for bomb in bombs::bombs() {
        let file = PipelineFile { path: bomb.path, bytes: &bomb.bytes };
        let before = ALLOCATED.current_usage();
        ALLOCATED.reset_peak_usage();
        let compiled = compile(&[file], &bomb.facts);
        let peak = ALLOCATED.peak_usage() - before;
        let (plan, found) = match &compiled {
            Ok((plan, found)) => (Some(plan), found),
            Err(found) => (None, found),
        };
        let codes: Vec<&str> = found.iter().map(|d| d.code.as_str()).collect();
        let says = bomb.code.is_empty() || codes.contains(&bomb.code);
        let error = found.iter().any(|d| d.severity == Severity::Error && d.code == bomb.code);
        if !says || error == plan.is_some() {
            wrong.push(format!("{}: {:?} with {:?}", bomb.name, plan.map(|plan| plan.stages.len()), &codes[..codes.len().min(3)]));
        }
        if peak > MAX_BYTES {
            wrong.push(format!("{}: compile takes {peak} bytes", bomb.name));
        }
        drop(compiled);
        for (what, ask) in [
            ("lint", &(|| drop(lint(&[file], &Default::default()))) as &dyn Fn()),
            ("outline", &|| drop(outline(&[file], &Default::default()))),
        ] {
            let before = ALLOCATED.current_usage();
            ALLOCATED.reset_peak_usage();
            ask();
            let peak = ALLOCATED.peak_usage() - before;
            if peak > MAX_BYTES {
                wrong.push(format!("{}: {what} takes {peak} bytes", bomb.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
