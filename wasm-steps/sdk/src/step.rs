//! What a step is: its description, its schemas, and the two functions that its component exports.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::bindings::exports::stepwise::step::step as export;
use crate::json::{self, Misread};
use crate::{Failure, Host, StepInfo};

/// All that a step needs beside its inputs.
#[derive(Debug, Clone, Copy)]
pub struct Needs {
    /// The requests it sends, and those that remove what it creates.
    pub services: &'static [Need],
    /// Whether it runs models locally.
    pub scoring: bool,
    /// Whether it writes files.
    pub artifacts: bool,
    /// Whether it walks the run's ledger and removes what is in it.
    pub removes: bool,
}

impl Needs {
    /// A step that needs nothing; the start of a struct update.
    pub const NONE: Self = Self { services: &[], scoring: false, artifacts: false, removes: false };
}

/// A request that a step sends, with the reason why.
#[derive(Debug, Clone, Copy)]
pub struct Need {
    service: &'static str,
    method: &'static str,
    path: &'static str,
    reason: &'static str,
}

impl Need {
    /// `path` is a pattern: `*` stands for one segment, a last `**` for any rest.
    pub const fn new(service: &'static str, method: &'static str, path: &'static str, reason: &'static str) -> Self {
        Self { service, method, path, reason }
    }
}

/// A step's name, version and summary; `step!` fills it in.
#[derive(Debug, Clone, Copy)]
pub struct About {
    /// The package's name.
    pub name: &'static str,
    /// The package's version.
    pub version: &'static str,
    /// One line that says what the step does.
    pub summary: &'static str,
    /// What it needs.
    pub needs: Needs,
}

/// A step's work.
pub type Run<I, O> = fn(&dyn Host, I) -> Result<O, Failure>;

/// Describes a step; `_run` only tells its types.
pub fn describe<I: JsonSchema, O: JsonSchema>(about: &About, _run: Run<I, O>) -> StepInfo {
    let inputs = schema::<I>(SchemaSettings::draft2020_12());
    let outputs = schema::<O>(SchemaSettings::draft2020_12().for_serialize());
    let services = about.needs.services.iter().map(|need| export::ServiceNeed {
        service: need.service.to_owned(),
        method: need.method.to_owned(),
        path: need.path.to_owned(),
        reason: need.reason.to_owned(),
    });
    StepInfo {
        name: about.name.to_owned(),
        version: about.version.to_owned(),
        summary: about.summary.to_owned(),
        inputs: json::write(inputs.as_value()),
        outputs: json::write(outputs.as_value()),
        needs: export::Needs {
            services: services.collect(),
            scoring: about.needs.scoring,
            artifacts: about.needs.artifacts,
            removes: about.needs.removes,
        },
    }
}

/// Runs a step over JSON, as the component does.
pub fn run<I: DeserializeOwned, O: Serialize>(
    host: &dyn Host,
    run: Run<I, O>,
    inputs: &str,
) -> Result<String, Failure> {
    let input = json::read(inputs.as_bytes()).map_err(|Misread { place, reason }| {
        let place = place.map_or_else(|| "the inputs".to_owned(), |place| format!("input `{place}`"));
        Failure::invalid_input(format!("{place}: {reason}"))
    })?;
    let output = run(host, input)?;
    serde_json::to_string(&output).map_err(|error| Failure::internal(format!("the outputs have no JSON form: {error}")))
}

fn schema<T: JsonSchema>(settings: SchemaSettings) -> Schema {
    settings.with(|settings| settings.inline_subschemas = true).into_generator().into_root_schema_for::<T>()
}

/// Makes a component of a step.
///
/// ```ignore
/// step_sdk::step! {
///     summary: "says hello",
///     needs: Needs { services: &[Need::new("wml", "GET", "/v2/spaces", "lists the spaces")], ..Needs::NONE },
///     run: run,
/// }
/// ```
///
/// Name and version are the package's. Beside the component's exports it makes `describe()` and
/// `run_json(host, inputs)`, which do the same natively, for tests.
#[macro_export]
macro_rules! step {
    (summary: $summary:expr, needs: $needs:expr, run: $run:path $(,)?) => {
        const ABOUT: $crate::step::About = $crate::step::About {
            name: env!("CARGO_PKG_NAME"),
            version: env!("CARGO_PKG_VERSION"),
            summary: $summary,
            needs: $needs,
        };

        /// What this step is.
        pub fn describe() -> $crate::StepInfo {
            $crate::step::describe(&ABOUT, $run)
        }

        /// Runs this step over JSON.
        pub fn run_json(host: &dyn $crate::Host, inputs: &str) -> Result<String, $crate::Failure> {
            $crate::step::run(host, $run, inputs)
        }

        #[cfg(target_family = "wasm")]
        mod component {
            struct Component;

            impl $crate::bindings::exports::stepwise::step::step::Guest for Component {
                fn describe() -> $crate::StepInfo {
                    super::describe()
                }

                fn run(inputs: String) -> Result<String, $crate::Failure> {
                    super::run_json(&$crate::wasi::Wasi, &inputs)
                }
            }

            $crate::bindings::export!(Component with_types_in $crate::bindings);
        }
    };
}
