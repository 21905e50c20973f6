//! The tray icon: nothing that the window cannot do. Always with a menu, because Linux reports no clicks on the icon.

use crate::window;
use tauri::menu::{MenuBuilder, MenuItemBuilder};
use tauri::tray::TrayIconBuilder;
use tauri::{AppHandle, image::Image};

/// Makes the icon.
pub fn create(app: &AppHandle) -> tauri::Result<()> {
    let (show, quit) = if window::system_language().starts_with("zh") { ("打开活版", "退出") } else { ("Open Letterpress", "Quit") };
    let show = MenuItemBuilder::with_id("show", show).build(app)?;
    let quit = MenuItemBuilder::with_id("quit", quit).build(app)?;
    let menu = MenuBuilder::new(app).items(&[&show, &quit]).build()?;
    TrayIconBuilder::with_id("main")
        .icon(Image::from_bytes(include_bytes!("../../icons/32x32.png"))?)
        .tooltip("Letterpress")
        .menu(&menu)
        .on_menu_event(|app, event| match event.id().as_ref() {
            "show" => window::show(app),
            "quit" => app.exit(0),
            _ => {}
        })
        .build(app)?;
    Ok(())
}
