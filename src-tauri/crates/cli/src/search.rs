//! `letterpress search`: hits are printed as they are found; Ctrl-C ends the search.

use crate::arguments::{Format, Search};
use crate::exit::ExitCode;
use crate::history::filter_of;
use crate::say::name;
use lp_api::App;
use lp_api::dto::{ApiError, SearchEnd, SearchNews, SearchPlace, SearchRequest, SearchScope};
use std::sync::Arc;

/// Looks for a text in logs; ends with 1 when it is nowhere, as `grep` does.
pub async fn carry_out(app: &Arc<App>, wanted: Search) -> Result<ExitCode, ApiError> {
    let scope = match &wanted.run {
        Some(run) => SearchScope::Run { run: app.find_run(run, ".").await? },
        None => SearchScope::All { filter: filter_of(app, wanted.filter, None).await? },
    };
    let mut searching = app.search(&SearchRequest { scope, text: wanted.looked_for, regex: wanted.regex }).await?;
    let mut is_found = false;
    while let Some(news) = searching.next().await {
        if wanted.format == Format::Json {
            crate::say::json_line(&news);
        }
        match news {
            SearchNews::Hits { place, hits } => {
                is_found = true;
                if wanted.format == Format::Text {
                    let at = heading(&place);
                    for hit in hits {
                        say!("{at}:{}: {}{}{}", hit.line + 1, hit.before, hit.found, hit.after);
                    }
                }
            }
            SearchNews::Progress { .. } => {}
            SearchNews::Ended { error: Some(error), .. } => return Err(error),
            SearchNews::Ended { end: SearchEnd::Limit, .. } => {
                mention!("there are more: look for something that is rarer, or in fewer runs")
            }
            SearchNews::Ended { .. } => {}
        }
    }
    Ok(if is_found { ExitCode::Passed } else { ExitCode::Failed })
}

/// `shop#12 build`, with the attempt where it is not the first.
fn heading(place: &SearchPlace) -> String {
    let attempt = if place.attempt > 1 { format!(" ({})", place.attempt) } else { String::new() };
    format!("{}#{} {}{attempt}", name(&place.project_name), place.number, name(&place.step_name))
}
