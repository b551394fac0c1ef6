//! The doors of DialedIn's dialect: eight scripts, for clients that change nothing but the host name.

mod action;
mod answer;
mod call_operations;
mod credential;
mod detail;
mod dial_lists;
mod fields;
mod inject_lead;
mod lead_operations;
mod parts;
mod playlists;
mod search;
mod skills;
mod text_operations;
mod texts;
mod update_lead;

use std::{fmt::Display, net::IpAddr, sync::Arc};

use axum::{
    Router,
    extract::{Request, State},
    response::{IntoResponse, Response},
    routing::MethodFilter,
};

use self::{
    answer::{Refusal, told, told_in_json},
    parts::Given,
    texts::Text,
};
use super::{Web, cors, error::ApiError, input::Path, lenient::only_looks, peer::Peer};
use crate::{
    app::directory::{Account, Grant},
    domain::scope::Scope,
    pbx::params::Params,
};

pub(super) fn router() -> Router<Web> {
    Router::new().route("/HttpImport/{script}", READABLE.door(MethodFilter::GET.or(MethodFilter::POST), door))
}

/// What pages of allowed origins may send to the scripts, and read of their answers.
static READABLE: cors::Shared =
    cors::Shared { methods: "GET, POST", headers: "Content-Type", exposed: "X-Lead-Id, X-Warnings, X-Request-Id, Retry-After" };

/// What a client may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Script {
    InjectLead,
    UpdateLead,
    LeadOperations,
    TextOperations,
    CallOperations,
    DialLists,
    Playlists,
    Skills,
}

/// The one table of names, in any case and followed by `.php`. The first is the documented one, the others were seen or are
/// likely.
static SCRIPTS: [(Script, &[&str]); 8] = [
    (Script::InjectLead, &["InjectLead"]),
    (Script::UpdateLead, &["UpdateLead"]),
    (Script::LeadOperations, &["LeadOperations"]),
    (Script::TextOperations, &["TextOperations"]),
    (Script::CallOperations, &["CallOperations"]),
    (Script::DialLists, &["AgentDialListOperations", "AgentDialListOperation", "AgentDialList"]),
    (Script::Playlists, &["PlaylistOperations"]),
    (Script::Skills, &["SkillListOperations", "SkillOperations"]),
];

impl Script {
    fn named(file: &str) -> Option<Self> {
        let (name, ending) = file.rsplit_once('.')?;
        let is_named = |(_, names): &&(Self, &[&str])| names.iter().any(|known| known.eq_ignore_ascii_case(name));
        SCRIPTS.iter().filter(|_| ending.eq_ignore_ascii_case("php")).find(is_named).map(|(script, _)| *script)
    }

    /// Whether it answers with a page; the others answer with JSON.
    fn answers_page(self) -> bool {
        matches!(self, Self::InjectLead | Self::UpdateLead)
    }
}

/// The door of every script.
async fn door(State(web): State<Web>, Peer(address): Peer, Path(file): Path<String>, request: Request) -> Response {
    enter(web, address, &file, request).await
}

async fn enter(web: Web, address: IpAddr, file: &str, request: Request) -> Response {
    let Some(script) = Script::named(file) else {
        return ApiError::NotFound("there is no such script here".into()).into_response();
    };
    if let Some(answer) = only_looks(&request) {
        return answer;
    }
    let mut asking = match Asking::read(web, address, request).await {
        Ok(asking) => asking,
        Err(error) if script.answers_page() => return told(Err(error.into()), false),
        Err(error) => return told_in_json(Err(error.into())),
    };
    let older = asking.account().setup.options.older_result_text;
    if let Some(field) = asking.file.take() {
        let message = "expected a text: files are not taken".to_owned();
        return match script.answers_page() {
            true => told(Err(Text::Refused { field, message }.into()), older),
            false => told_in_json(Refusal::new("invalid", Text::Refused { field, message })),
        };
    }
    let mut answer = match script {
        Script::InjectLead => told(inject_lead::run(&mut asking).await, older),
        Script::UpdateLead => told(update_lead::run(&mut asking).await, older),
        Script::LeadOperations => told_in_json(lead_operations::run(&mut asking).await),
        Script::TextOperations => told_in_json(text_operations::run(&mut asking).await),
        Script::CallOperations => told_in_json(call_operations::run(&mut asking).await),
        Script::DialLists => told_in_json(dial_lists::run(&mut asking).await),
        Script::Playlists => told_in_json(playlists::run(&mut asking).await),
        Script::Skills => told_in_json(skills::run(&mut asking).await),
    };
    answer::add_headers(answer.headers_mut(), asking.lead, &asking.warnings);
    answer
}

/// A request whose sender is known, and what is to be said beside its answer.
struct Asking {
    web: Web,
    grant: Grant,
    params: Params,
    /// The name of a file that came with them, which is refused.
    file: Option<String>,
    /// What was not taken as it was given.
    warnings: Vec<String>,
    /// The lead that the answer is about.
    lead: Option<i64>,
}

impl Asking {
    async fn read(web: Web, address: IpAddr, request: Request) -> Result<Self, ApiError> {
        let Given { params, file } = parts::read(&web, request).await?;
        let grant = credential::grant(&web, address, &params).await?;
        Ok(Self { web, grant, params, file, warnings: vec![], lead: None })
    }

    fn account(&self) -> &Arc<Account> {
        &self.grant.account
    }

    /// The trimmed value of a parameter.
    fn text(&self, name: &str) -> Option<&str> {
        self.params.raw(&[&name.to_ascii_lowercase()]).map(str::trim)
    }

    /// The value of a parameter that the table of actions requires.
    fn required(&self, name: &str) -> String {
        self.text(name).unwrap_or_default().to_owned()
    }

    /// A yes or no. What is neither is not there, and that is said.
    fn flag(&mut self, name: &str) -> Option<bool> {
        let flag = yes_or_no(self.text(name)?);
        if flag.is_none() {
            self.warn(format_args!("{name} is ignored: expected 0 or 1"));
        }
        flag
    }

    fn warn(&mut self, warning: impl Display) {
        self.warnings.push(warning.to_string());
    }

    /// Whether the sender may do this.
    fn may(&self, scope: Scope) -> Result<(), ApiError> {
        if self.grant.scopes.allow(scope) {
            return Ok(());
        }
        Err(ApiError::Forbidden(Text::NoScope(scope).to_string().into()))
    }
}

fn yes_or_no(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Some(true),
        "0" | "false" | "no" | "off" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_have_their_names_in_any_case() {
        for (file, script) in [
            ("InjectLead.php", Some(Script::InjectLead)),
            ("injectlead.PHP", Some(Script::InjectLead)),
            ("AgentDialList.php", Some(Script::DialLists)),
            ("agentdiallistoperation.php", Some(Script::DialLists)),
            ("AgentDialListOperations.php", Some(Script::DialLists)),
            ("SkillOperations.php", Some(Script::Skills)),
            ("InjectLead", None),
            ("InjectLead.asp", None),
            ("InjectLead.php.bak", None),
            (".php", None),
        ] {
            assert_eq!(Script::named(file), script, "{file}");
        }
        let names: std::collections::BTreeSet<String> =
            SCRIPTS.iter().flat_map(|(_, names)| *names).map(|name| name.to_lowercase()).collect();
        assert_eq!(names.len(), 11, "no name means two scripts");
    }
}
