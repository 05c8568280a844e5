//! The contract's version, and the check that a component keeps to it.

use wasmtime::component::types::ComponentItem;

use super::error::ComponentError;

pub(super) use super::bindings::exports::stepwise::step::step::StepInfo;
pub use super::bindings::stepwise::step::ledger::{Announced, Announcement, Lookup, State};
pub use super::bindings::stepwise::step::types::{Failure, FailureCategory};

/// The contract's version that this host speaks.
pub const VERSION: &str = "1.0.0";

/// What the contract's package is called in components.
const PACKAGE: &str = "stepwise:step/";

/// What the host offers under `stepwise:step`, interface by interface.
const OFFERED: [(&str, &[&str]); 6] = [
    ("types", &[]),
    ("services", &["send", "start", "[method]pending.wait"]),
    ("ledger", &["announce", "confirm", "look-up", "entries", "look-up-users", "remove", "settle"]),
    ("log", &["log"]),
    ("progress", &["report"]),
    (
        "scoring",
        &["open", "[method]model.inputs", "[method]model.outputs", "[method]model.sha256", "[method]model.run"],
    ),
];

/// Refuses a component that this host cannot run, in one sentence that names both versions. Answers the contract's
/// version that it is built for.
pub(super) fn check(name: &str, component: &wasmtime::component::Component) -> Result<String, ComponentError> {
    let engine = component.engine();
    let ty = component.component_type();
    let refuse = |wants: String| Err(refusal(name, wants));
    for (import, item) in ty.imports(engine) {
        if let Some(rest) = import.strip_prefix(PACKAGE) {
            let (interface, version) = rest.split_once('@').unwrap_or((rest, "0"));
            if major(version) != major(VERSION) {
                return refuse(format!("is built for contract `stepwise:step@{version}`"));
            }
            let Some((_, functions)) = OFFERED.iter().find(|(offered, _)| *offered == interface) else {
                return refuse(format!("needs `{interface}` of contract `stepwise:step@{version}`"));
            };
            let ComponentItem::ComponentInstance(instance) = item.ty else { continue };
            for (function, item) in instance.exports(engine) {
                if matches!(item.ty, ComponentItem::ComponentFunc(_)) && !functions.contains(&function) {
                    return refuse(format!("needs `{interface}.{function}` of contract `stepwise:step@{version}`"));
                }
            }
        } else if !is_offered_wasi(import) {
            return Err(ComponentError::Import { component: name.to_owned(), import: import.to_owned() });
        }
    }
    let export = ty
        .exports(engine)
        .find_map(|(export, _)| export.strip_prefix(PACKAGE)?.strip_prefix("step@").map(str::to_owned));
    match export {
        Some(version) if major(&version) == major(VERSION) => Ok(version),
        Some(version) => refuse(format!("is built for contract `stepwise:step@{version}`")),
        None => Err(ComponentError::NotAStep { component: name.to_owned() }),
    }
}

/// Refuses a component whose imports or exports have the right names and other types. What the linker says of it is of
/// no use to who only has the component.
pub(super) fn misfit(name: &str, version: &str) -> ComponentError {
    refusal(name, format!("is built for another form of contract `stepwise:step@{version}` or of WASI 0.2"))
}

fn refusal(name: &str, wants: String) -> ComponentError {
    ComponentError::Contract { component: name.to_owned(), wants, speaks: VERSION }
}

/// WASI 0.2 as a command has it; above all not `wasi:http`.
fn is_offered_wasi(import: &str) -> bool {
    let packages = ["wasi:cli/", "wasi:clocks/", "wasi:filesystem/", "wasi:io/", "wasi:random/", "wasi:sockets/"];
    packages.iter().any(|package| import.starts_with(package)) && import.contains("@0.2.")
}

fn major(version: &str) -> &str {
    version.split('.').next().unwrap_or(version)
}
