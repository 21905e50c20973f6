//! The tray icon: nothing that the window cannot do. Always with a menu, because Linux reports no clicks on the icon.

use crate::shell::Shell;
use crate::{page, window};
use lp_api::dto::Language;
use tauri::menu::{MenuBuilder, MenuItem, MenuItemBuilder};
use tauri::tray::TrayIconBuilder;
use tauri::{AppHandle, Manager, Wry, image::Image};

/// The words of the menu, which change with the language of the window.
struct Words {
    show: MenuItem<Wry>,
    quit: MenuItem<Wry>,
}

/// Makes the icon, in the language that is set.
pub fn create(app: &AppHandle) -> tauri::Result<()> {
    let show = MenuItemBuilder::with_id("show", "Letterpress").build(app)?;
    let quit = MenuItemBuilder::with_id("quit", "Letterpress").build(app)?;
    let menu = MenuBuilder::new(app).items(&[&show, &quit]).build()?;
    app.manage(Words { show, quit });
    let settings = app.state::<Shell>().app().and_then(|api| tauri::async_runtime::block_on(api.settings()));
    speak(app, settings.map(|settings| settings.language).unwrap_or_default());
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

/// Says the menu in another language. Does nothing where there is no icon.
pub fn speak(app: &AppHandle, language: Language) {
    let Some(words) = app.try_state::<Words>() else { return };
    let chinese = match language {
        Language::ZhCn => true,
        Language::En => false,
        Language::System => page::system_language().to_lowercase().starts_with("zh"),
    };
    let (show, quit) = if chinese { ("打开 Letterpress", "退出") } else { ("Open Letterpress", "Quit") };
    if let Err(problem) = words.show.set_text(show).and_then(|()| words.quit.set_text(quit)) {
        tracing::warn!(%problem, "the tray keeps its language");
    }
}
