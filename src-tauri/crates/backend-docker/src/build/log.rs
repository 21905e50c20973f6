//! The log of a step that is no program: what the engine says about it.

use lp_backend::{Position, SinkError, StepSink};

/// Writes behind what is there.
pub(super) struct Log<'s> {
    pub sink: &'s dyn StepSink,
    position: Position,
}

impl<'s> Log<'s> {
    pub fn new(sink: &'s dyn StepSink) -> Self {
        Self { sink, position: sink.position() }
    }

    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), SinkError> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.position.stdout += bytes.len() as u64;
        self.sink.write(bytes, self.position).await
    }

    pub async fn line(&mut self, text: &str) -> Result<(), SinkError> {
        self.write(format!("{}\n", text.trim_end()).as_bytes()).await
    }
}
