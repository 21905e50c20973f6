//! Settings from the terminal.

use lp_tests::press::Press;

#[test]
fn a_setting_is_shown_changed_and_refused_with_a_reason() {
    let press = Press::new();
    let all = press.say(&["settings"]).expect(0);
    all.prints(&["max_steps", "0 to 1000", "max_log_mb", "2000", "theme"]);
    press.say(&["settings", "max_steps", "12"]).expect(0).prints(&["max_steps", "12", "by itself 0"]);
    press.say(&["settings", "max_log_mb", "50", "--format", "json"]).expect(0).prints(&["\"max_log_mb\": 50"]);
    press.say(&["settings", "max_steps"]).expect(0).prints(&["12"]);
    press.say(&["settings", "engine"]).expect(0).prints(&["engine", "-"]);
    press.say(&["settings", "max_steps", "1001"]).expect(2).explains(&["`max_steps` is 1001", "between 0 and 1000"]);
    press.say(&["settings", "max_steps", "many"]).expect(2).explains(&["`max_steps`", "`many`", "letterpress settings"]);
    press.say(&["settings", "theme", "sepia"]).expect(2).explains(&["`theme`", "`sepia`", "dark"]);
    press.say(&["settings", "max_step"]).expect(2).explains(&["no setting `max_step`", "`max_steps`"]);
    press.say(&["settings", "max_steps"]).expect(0).prints(&["12"]);
}
