//! Does what no step should. The input `do` says what; how it describes itself says a word in the component's file,
//! which tests overwrite.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use step_sdk::step::{self, About};
use step_sdk::{Artifact, DataSet, Failure, Host, Level, Need, Needs, StepInfo};

mod deeds;
mod floods;

const ABOUT: About = About {
    name: env!("CARGO_PKG_NAME"),
    version: env!("CARGO_PKG_VERSION"),
    summary: "does what no step should",
    needs: Needs {
        services: &[
            Need::new("wml", "GET", "/v2/spaces", "lists the spaces"),
            Need::new("wml", "GET", "/v2/spaces/*", "looks at a space"),
            Need::new("wml", "GET", "/ml/v4/models", "finds the model"),
            Need::new("wml", "POST", "/ml/v4/models", "stores a model"),
            Need::new("wml", "DELETE", "/v2/assets/*", "lets cleanup remove it"),
        ],
        artifacts: true,
        removes: true,
        ..Needs::NONE
    },
};

/// How it describes itself: a test writes another word of the same length in the place of the last.
static MANNER: [u8; 16] = *b"manner: well    ";

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Input {
    /// What to do
    r#do: Deed,
    /// `answer`: the outputs, as they are; `complain`: a log line; `create`: the name; `flood`: with what; `panic`: the message; `tell`, `tell_and_fail`: what, instead of
    /// an answer
    text: Option<String>,
    /// `answer`, `panic`: how often the text stands in it
    times: Option<usize>,
    /// `complain`, `send`, `tell`, `tell_and_fail`: a request line
    request: Option<String>,
    /// `send`: a header
    header: Option<(String, String)>,
    /// `look_around`: where somebody listens
    address: Option<String>,
    /// A data set
    data: Option<DataSet>,
}

#[derive(Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Deed {
    Answer,
    Complain,
    Create,
    EatMemory,
    Fail,
    Flood,
    LinkOut,
    LookAround,
    Loop,
    Overflow,
    Panic,
    Print,
    ReadLedger,
    Send,
    Sleep,
    Tell,
    TellAndFail,
}

#[derive(Default, Serialize, JsonSchema)]
struct Output {
    /// What came of it
    found: BTreeMap<String, String>,
    /// A number
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<u64>,
    /// A file
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<Artifact>,
}

fn run(host: &dyn Host, input: Input) -> Result<Output, Failure> {
    match input.r#do {
        Deed::Answer => Ok(Output::default()),
        Deed::Complain => deeds::complain(host, &input.text.unwrap_or_default(), &input.request.unwrap_or_default()),
        Deed::Create => deeds::create(host, &input.text.unwrap_or_default()),
        Deed::EatMemory => deeds::eat_memory(),
        Deed::Fail => Err(Failure::gate(input.text.unwrap_or_default().repeat(input.times.unwrap_or(1)))),
        Deed::Flood => floods::flood(host, &input.text.unwrap_or_default()),
        Deed::LinkOut => deeds::link_out(host),
        Deed::LookAround => Ok(deeds::look_around(host, input.data.as_ref(), &input.address.unwrap_or_default())),
        Deed::Loop => deeds::run_in_circles(),
        Deed::Overflow => Err(Failure::internal(format!("{} frames were not too many", deeds::overflow(1)))),
        Deed::Panic if input.text.is_some() => {
            panic!("{}", input.text.unwrap_or_default().repeat(input.times.unwrap_or(1)))
        }
        Deed::Panic => panic!("this step has lost its nerve"),
        Deed::Print => Ok(deeds::print()),
        Deed::ReadLedger => deeds::read_ledger(host),
        Deed::Send => deeds::send(host, &input.request.unwrap_or_default(), input.header),
        Deed::Sleep => Ok(deeds::sleep(host)),
        Deed::Tell => deeds::tell(host, &deeds::heard(host, input)?),
        Deed::TellAndFail => Err(deeds::fail(host, &deeds::heard(host, input)?)),
    }
}

/// What this step is, in its manner.
///
/// # Panics
/// When that is its manner.
pub fn describe(host: &dyn Host) -> StepInfo {
    let mut info = step::describe(&ABOUT, run);
    let manner = std::hint::black_box(&MANNER);
    match manner["manner: ".len()..].trim_ascii_end() {
        b"eats" => deeds::eat_memory(),
        b"prints" => floods::print_without_end(),
        b"sends" => drop(deeds::send(host, "wml GET /v2/spaces", None)),
        b"sleeps" => deeds::sleep_silently(),
        b"writes" => std::fs::write("/artifacts/mine", "mine").unwrap_or_else(|error| panic!("{}", error.kind())),
        b"logs" => host.log(Level::Info, "I am being described"),
        b"loops" => deeds::run_in_circles(),
        b"panics" => panic!("this step does not know itself"),
        b"mutters" => "{".clone_into(&mut info.inputs),
        b"listed" => r#"{"type": "array"}"#.clone_into(&mut info.outputs),
        b"shouts" => "SHOUT".clone_into(&mut info.needs.services[0].method),
        _ => {}
    }
    info
}

/// Runs this step over JSON.
pub fn run_json(host: &dyn Host, inputs: &str) -> Result<String, Failure> {
    match serde_json::from_str::<Input>(inputs) {
        Ok(Input { r#do: Deed::Answer, text, times, .. }) => {
            Ok(text.unwrap_or_default().replace("TEXT", &"x".repeat(times.unwrap_or_default())))
        }
        _ => step::run(host, run, inputs),
    }
}

#[cfg(target_family = "wasm")]
mod component {
    use step_sdk::wasi::Wasi;
    use step_sdk::{Failure, StepInfo};

    struct Component;

    impl step_sdk::bindings::exports::stepwise::step::step::Guest for Component {
        fn describe() -> StepInfo {
            super::describe(&Wasi)
        }

        fn run(inputs: String) -> Result<String, Failure> {
            super::run_json(&Wasi, &inputs)
        }
    }

    step_sdk::bindings::export!(Component with_types_in step_sdk::bindings);
}
