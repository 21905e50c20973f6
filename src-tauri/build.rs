//! Tauri's build step: permissions and resources.

fn main() {
    tauri_build::build();
}
