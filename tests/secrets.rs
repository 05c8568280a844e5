//! Where secrets come from, and that none is ever written, in whatever form it comes.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde_json::{Value, json};
use stepwise_stub::{Dialect, Options};

use crate::custom::rogue;
use crate::dialects::without_login;
use crate::harness::{Bench, Ran};
use crate::server::{Received, Server};

const GRANT: &str = "    grant: {wml: [\"GET /**\", \"POST /**\"]}\n";

/// A key in lines, as PEM has it.
const PEM: &str =
    "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0B\nAQEFAASCBKcwggSjAgEAAoIB\n-----END PRIVATE KEY-----";

/// An API key with all that encodings change.
const KEY: &str = "k\u{e9}y\"\\/+%20 &<>'$=?#~";
const TOKEN: &str = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJub2JvZHkifQ.c2lnbmF0dXJl-_x";
const PASSWORD: &str = "Pass:w\u{f6}rd/+=\"x";

/// The key of the stub as a file of the folder `folder`, and not in the environment.
fn with_file(bench: Bench, file: &str, content: impl AsRef<[u8]>) -> Bench {
    bench.without("CPD_API_KEY").file(file, content)
}

fn entry(bench: Bench, entry: &str) -> Bench {
    bench.spec("services:\n", &format!("secrets: {{CPD_API_KEY: {entry}}}\nservices:\n"))
}

fn asking() -> Bench {
    rogue("{do: send, request: wml GET /v2/spaces}", GRANT)
}

#[test]
fn a_secret_comes_from_a_file_another_variable_a_folder_or_the_environment() {
    let key = Options::default().api_key;

    entry(with_file(asking(), "keys/cpd", &key), "{file: keys/cpd}").run().succeeds();
    for line_break in ["\n", "\r\n"] {
        entry(with_file(asking(), "cpd", format!("{key}{line_break}")), "{file: cpd}").run().succeeds();
    }
    let bench = entry(with_file(asking(), "keys/cpd", &key), "{file: \"${{ env.KEYS }}/cpd\"}");
    bench.variable("KEYS", "keys").run().succeeds();
    entry(asking().without("CPD_API_KEY"), "{env: OTHER_KEY}").variable("OTHER_KEY", &key).run().succeeds();

    let bench = with_file(asking(), "keys/CPD_API_KEY", &key);
    bench.stepwise(&["run", "pipeline.yaml", "--secrets", "keys"]).succeeds();
    bench.stepwise(&["check", "pipeline.yaml", "--secrets", "keys"]).succeeds();
    bench.stepwise(&["plan", "pipeline.yaml", "--secrets", "keys"]).succeeds();
    bench.variable("STEPWISE_SECRETS", "keys").run().succeeds();
}

#[test]
fn the_spec_s_entry_counts_before_the_folder_and_that_before_the_environment() {
    let key = Options::default().api_key;
    let folder = |content: &str| asking().file("keys/CPD_API_KEY", content).variable("STEPWISE_SECRETS", "keys");

    folder(&key).variable("CPD_API_KEY", "wrong-api-key").run().succeeds();
    folder("wrong-api-key").run().exits_with(3);
    entry(folder("wrong-api-key").file("cpd", &key), "{file: cpd}").run().succeeds();
    // What the folder does not have may still be a variable.
    asking().file("keys/OTHER", "x").variable("STEPWISE_SECRETS", "keys").run().succeeds();
}

#[test]
fn a_secret_that_cannot_be_read_is_told_where_it_is_named() {
    let hint = "hint: put it in the file `keys/CPD_API_KEY`\n";
    let unset = format!("pipeline.yaml:4:101: the secret `CPD_API_KEY` is not set\n{hint}");
    let bench = with_file(asking(), "keys/OTHER", "x").variable("STEPWISE_SECRETS", "keys");
    bench.run().exits_with(2).finds_in_spec(&unset);

    asking().variable("STEPWISE_SECRETS", "gone").run().exits_with(2).finds_in_spec(
        "pipeline.yaml:4:101: the secret `CPD_API_KEY`: there is no folder of secrets `gone`\n\
         hint: mount it, or name another one with `--secrets`\n",
    );

    // As root may enter every folder, a name that no file can have stands for one that must not be looked for.
    let name = "K".repeat(256);
    let bench = asking().spec("secrets.CPD_API_KEY", &format!("secrets.{name}")).variable(&name, "of the environment");
    let bench = bench.file("keys/OTHER", "x").variable("STEPWISE_SECRETS", "keys");
    let stderr = bench.run().exits_with(2).stderr();
    assert!(stderr.contains(&format!("failed to read `keys/{name}`: File name too long")), "{stderr}");

    for (content, what) in [
        (&b""[..], "is empty".to_owned()),
        (b"\n", "is empty".to_owned()),
        (b"\xff\xfe", "is not UTF-8".to_owned()),
        ("x".repeat(70_000).as_bytes(), "is longer than 65536 bytes".to_owned()),
    ] {
        let message = format!("the secret `CPD_API_KEY`: `cpd` {what}\n");
        let bench = entry(with_file(asking(), "cpd", content), "{file: cpd}");
        bench.run().exits_with(2).finds_in_spec(&format!("pipeline.yaml:3:31: {message}"));
        let bench = with_file(asking(), "keys/CPD_API_KEY", content).variable("STEPWISE_SECRETS", "keys");
        let message = message.replace("`cpd`", "`keys/CPD_API_KEY`");
        bench.run().exits_with(2).finds_in_spec(&format!("pipeline.yaml:4:101: {message}"));
    }

    for (entry_text, expected) in [
        (
            "{file: gone}",
            "pipeline.yaml:3:31: the secret `CPD_API_KEY`: failed to read `gone`: No such file or directory (os error 2)\n",
        ),
        ("{file: keys}", "pipeline.yaml:3:31: the secret `CPD_API_KEY`: `keys` is a folder\n"),
        ("{file: a, env: B}", "pipeline.yaml:3:11: the secret `CPD_API_KEY` has one of `file` and `env`\n"),
        ("{}", "pipeline.yaml:3:11: the secret `CPD_API_KEY` has one of `file` and `env`\n"),
        (
            "{env: NOT_SET}",
            "pipeline.yaml:5:101: the secret `CPD_API_KEY` is not set\nhint: set the environment variable `NOT_SET`\n",
        ),
        (
            "{fill: a}",
            "pipeline.yaml:3:11: the secret `CPD_API_KEY` has one of `file` and `env`\npipeline.yaml:3:25: unknown key `fill`\nhint: is `file` meant?\n",
        ),
    ] {
        let bench = entry(with_file(asking(), "keys/x", "x"), entry_text);
        bench.run().exits_with(2).finds_in_spec(expected);
    }
}

#[test]
fn a_variable_that_is_a_secret_is_no_variable() {
    let bench = entry(asking(), "{env: OTHER_KEY}").spec("{do: send", "{text: \"${{ env.OTHER_KEY }}\", do: send");
    bench.variable("OTHER_KEY", "some-api-key").run().exits_with(2).finds_in_spec(
        "pipeline.yaml:8:20: `OTHER_KEY` is a secret of this spec; it may only be read as one, in a service's `auth`\n",
    );
}

#[test]
fn a_secret_that_is_typed_into_the_spec_is_not_shown_with_its_errors() {
    let reference = "api_key: \"${{ secrets.CPD_API_KEY }}\"";
    for (typed, shown) in [
        ("api_key: a-literal-key, token: x", "api_key: *************, token: x"),
        ("api_ky: a-literal-key", "api_ky: *************}"),
        ("keys: {one: [a-literal-key]}", "keys: {one: [*************]}"),
        ("api_ky: 1234567890", "api_ky: ***"),
        ("api_key: \"a-literal-key", "auth: ***"),
        ("api_key: @a-literal-key", "auth: ***"),
    ] {
        let bench = asking().spec(reference, typed);
        let ran = bench.run().exits_with(2);
        assert!(ran.stderr().contains(shown), "{typed}: {}", ran.stderr());
        tells_nothing(&bench, &ran, &["a-literal-key", "1234567890"], &[]);
    }
    for (set, shown) in [
        ("services.wml.auth.api_ky=a-literal-key", "--set services.wml.auth.api_ky=***"),
        ("services.wml.auth.api_key=@a-literal-key", "--set services.wml.auth.api_key=***"),
        ("services.wml.auth={kind: cp4d, api_ky: a-literal-key}", "--set services.wml.auth=***"),
    ] {
        let bench = asking();
        let ran = bench.stepwise(&["run", "pipeline.yaml", "--set", set]).exits_with(2);
        assert!(ran.stderr().contains(shown), "{set}: {}", ran.stderr());
        tells_nothing(&bench, &ran, &["a-literal-key"], &[]);
    }
    let profile = "profiles: {p: {services: {wml: {auth: {api_ky: a-literal-key}}}}}\nservices:\n";
    let bench = asking().spec("services:\n", profile);
    let ran = bench.run().exits_with(2);
    assert!(ran.stderr().contains("api_ky: ***"), "{}", ran.stderr());
    tells_nothing(&bench, &ran, &["a-literal-key"], &[]);
    for key in ["secret_access_key", "secret_acess_key"] {
        let s3 =
            format!("data: {{d: {{s3: {{bucket: b, key: k, access_key_id: a, {key}: a-literal-key}}}}}}\nservices:\n");
        let bench = asking().spec("services:\n", &s3);
        let ran = bench.run().exits_with(2);
        assert!(ran.stderr().contains(&format!("{key}: ***")), "{}", ran.stderr());
        tells_nothing(&bench, &ran, &["a-literal-key"], &[]);
    }
}

/// A data set in a store that the test writes by hand.
fn stored(server: &Server) -> Bench {
    let entry = format!(
        "data:\n  lent:\n    s3: {{endpoint: \"{}\", bucket: b, key: k, access_key_id: a, secret_access_key: \"${{{{ secrets.S3_KEY }}}}\", \
         session_token: \"${{{{ secrets.S3_TOKEN }}}}\"}}\nservices:\n",
        server.url()
    );
    rogue("{do: print, data: lent}", GRANT)
        .spec("services:\n", &entry)
        .variable("S3_KEY", PASSWORD)
        .variable("S3_TOKEN", TOKEN)
        .variable("STEPWISE_CACHE", "cache")
}

#[test]
fn what_a_store_repeats_of_its_credentials_is_masked() {
    let code = |code: &str| format!("<Error><Code>{code}</Code></Error>");
    let refuses = |status: u16, text: &str| (status, Vec::new(), text.to_owned());
    for (reply, code, said) in [
        (refuses(400, &code(TOKEN)), 2, "for `s3://b/k`: ***"),
        (refuses(400, &code(&STANDARD.encode(TOKEN))), 2, "for `s3://b/k`: ***"),
        (refuses(400, &code("\u{1b}[2J")), 2, "for `s3://b/k`: \u{fffd}[2J"),
        ((302, vec![format!("location: http://example.com/{TOKEN}")], String::new()), 2, "to `http://example.com/***`"),
        ((302, vec![format!("location: https://{TOKEN}.invalid/")], String::new()), 1, "`s3://b/k` cannot be reached"),
    ] {
        let server = Server::start(move |_| reply.clone());
        for arguments in
            [&["run", "pipeline.yaml", "--run", "r"][..], &["--log-format", "json", "run", "pipeline.yaml"]]
        {
            let bench = stored(&server);
            let ran = bench.stepwise(arguments).exits_with(code);
            assert!(server.lines()[0].contains("X-Amz-Security-Token=eyJ"), "{:?}", server.lines());
            assert!(ran.stderr().contains(said), "{}", ran.stderr());
            tells_nothing(&bench, &ran, &[TOKEN, PASSWORD], &[&bench.folder.path().join("cache")]);
        }
    }
}

#[test]
fn a_secret_of_digits_is_masked_as_a_number_too() {
    let bench = rogue("{do: answer, times: 12345678, text: '{\"found\": {}, \"count\": 12345678}'}", "");
    let ran = entry(bench, "{env: OTHER_KEY}").variable("OTHER_KEY", "12345678");
    let bench = ran.spec(
        "  - module",
        "  - {module: rogue.wasm, id: never, when: failure, inputs: {do: print, times: 12345678}}\n  - module",
    );
    bench.run().exits_with(3).fails_in(
        "rogue",
        "internal",
        "its outputs are not what its schema says: `count`: `***` is not a whole number",
    );
    assert_eq!(bench.step("rogue")["inputs"]["times"], "***");
    // Its step has not run.
    assert_eq!(bench.step("never")["inputs"]["times"], "***");
}

/// Everything that holds the secret in any form, with its name.
fn forms(secret: &str) -> Vec<(String, String)> {
    let hex = |upper: bool| -> String {
        secret.bytes().map(|byte| if upper { format!("{byte:02X}") } else { format!("{byte:02x}") }).collect()
    };
    let json = json!(secret).to_string();
    let url: String = secret
        .bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect();
    let mixed = hex(false).char_indices().map(|(at, c)| if at % 3 == 0 { c.to_ascii_uppercase() } else { c }).collect();
    let mut forms = vec![
        ("raw".to_owned(), secret.to_owned()),
        ("a header's name".to_owned(), secret.to_ascii_lowercase()),
        ("mixed hex".to_owned(), mixed),
        ("hex".to_owned(), hex(false)),
        ("HEX".to_owned(), hex(true)),
        ("JSON".to_owned(), json[1..json.len() - 1].to_owned()),
        ("URL".to_owned(), url.clone()),
        ("url".to_owned(), lower_escapes(&url)),
        ("form".to_owned(), secret.replace(' ', "+")),
    ];
    for before in ["", "?", "??"] {
        let text = format!("{before}{secret}");
        for (name, engine) in [("base64", STANDARD), ("base64url", URL_SAFE)] {
            let encoded = engine.encode(&text);
            // What is the same whatever stands around it.
            let (first, last) = ((before.len() * 8).div_ceil(6), text.len() * 8 / 6);
            forms.push((format!("{name} after {}", before.len()), encoded[first..last].to_owned()));
        }
    }
    forms
}

/// A URL with its escapes in lower case.
fn lower_escapes(url: &str) -> String {
    let (first, rest) = url.split_once('%').unwrap_or((url, ""));
    let pieces = rest.split('%').filter(|piece| !piece.is_empty());
    let lower = pieces.map(|piece| format!("%{}{}", piece[..2].to_lowercase(), &piece[2..]));
    first.to_owned() + &lower.collect::<Vec<_>>().concat()
}

/// A text with the secret in all forms, also such as are broken over lines.
fn all_forms(secret: &str) -> String {
    let mut lines: Vec<String> = forms(secret).into_iter().map(|(_, form)| format!("<{form}>")).collect();
    for (_, form) in forms(secret) {
        let middle = (0..=form.len() / 2).rev().find(|&at| form.is_char_boundary(at)).unwrap();
        lines.push(format!("{}\n{}", &form[..middle], &form[middle..]));
    }
    if secret.contains('\n') {
        lines.extend(secret.lines().flat_map(forms).map(|(_, form)| format!("<{form}>")));
    }
    lines.push(secret.to_owned());
    lines.push(json!({"password": secret}).to_string());
    lines.push(STANDARD.encode(format!("user:{secret}")));
    lines.join("\n")
}

/// None of the secrets is in any file below these folders and that of the run, on stdout or on stderr, in any form; nor
/// does it come about when the lines of a log are joined.
fn tells_nothing(bench: &Bench, ran: &Ran<'_>, secrets: &[&str], more: &[&Path]) {
    let mut texts = vec![("stdout".to_owned(), ran.stdout()), ("stderr".to_owned(), ran.stderr())];
    let runs = bench.folder.path().join(".stepwise");
    for folder in more.iter().copied().chain([runs.as_path()]) {
        files(folder, &mut texts);
    }
    let step_lines =
        |text: &str| text.lines().map(|line| line.get(11..).unwrap_or(line).to_owned()).collect::<String>();
    let joined = step_lines(&texts[1].1);
    texts.push(("stderr, joined".to_owned(), joined));
    if let Ok(events) = fs::read_to_string(runs.join("r/events.jsonl")) {
        let events = events.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let told = events.filter_map(|event| Some(event.get("message").or(event.get("unit"))?.as_str()?.to_owned()));
        texts.push(("events, joined".to_owned(), told.collect()));
    }
    let whole: Vec<_> =
        texts.iter().map(|(name, text)| (format!("{name}, in one line"), text.replace(['\r', '\n'], ""))).collect();
    for (name, text) in texts.iter().chain(&whole) {
        for secret in secrets {
            // What a break within a character leaves whole.
            let rest =
                secret.char_indices().find(|(_, c)| c.len_utf8() > 1).map(|(at, c)| &secret[at + c.len_utf8()..]);
            let rest = rest.filter(|rest| rest.len() >= 8).map(|rest| ("its rest".to_owned(), rest.to_owned()));
            let lines = secret.lines().filter(|line| line != secret).flat_map(forms);
            for (form, spelled) in forms(secret).into_iter().chain(lines).chain(rest) {
                assert!(!text.contains(&spelled), "`{secret}` is in {name} as {form}:\n{text}");
            }
        }
    }
}

fn files(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push((path.display().to_string(), String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned()));
        }
    }
}

/// A service that repeats the credentials that it gets in every form.
fn echo() -> Server {
    Server::with_login(TOKEN, |request: &Received| {
        let token = request.header("authorization").trim_start_matches("Bearer ").to_owned();
        let body = format!("{}\n{}\n{}", all_forms(&token), all_forms(KEY), request.headers.join("\n"));
        let headers =
            vec![format!("x-echo: {token} {}", STANDARD.encode(format!("?{token}"))), format!("x-{token}: 1")];
        let status = match request.line.as_str() {
            "GET /v2/spaces" => 200,
            line if line.starts_with("GET") => 404,
            _ => 500,
        };
        (status, headers, body)
    })
}

#[test]
fn a_step_never_has_what_a_service_repeats_of_its_credentials() {
    for deed in ["tell", "tell_and_fail"] {
        let server = echo();
        let bench = rogue(&format!("{{do: {deed}, request: wml GET /v2/spaces}}"), GRANT)
            .variable("CPD_URL", &server.url())
            .variable("CPD_API_KEY", KEY)
            .variable("STEPWISE_CACHE", "cache");

        let ran = bench.run();
        let ran = if deed == "tell" { ran.succeeds() } else { ran.exits_with(3) };

        assert!(server.received()[0].body.contains("k\u{e9}y"), "the service has got the key");
        // Its own files too: it has nothing that it could write there.
        tells_nothing(&bench, &ran, &[KEY, TOKEN], &[&bench.folder.path().join("cache")]);
        let told = fs::read_to_string(bench.folder.path().join(".stepwise/r/artifacts/rogue/told.txt"));
        assert_eq!(told.is_ok(), deed == "tell");
        assert!(told.is_ok_and(|text| text.contains("***")) || deed != "tell");
    }
}

#[test]
fn what_a_step_has_of_a_secret_is_masked_in_all_that_the_host_writes() {
    for deed in ["tell", "tell_and_fail"] {
        for secret in [KEY, PASSWORD, "12345678", PEM, "Some-API-Key.42"] {
            // The spec gives it the secret as a text like any other.
            let text = serde_json::to_string(&all_forms(secret)).unwrap();
            let bench = rogue(&format!("{{do: {deed}, text: {text}}}"), GRANT);
            let bench = entry(bench, "{env: OTHER_KEY}").variable("OTHER_KEY", secret);
            let server = echo();
            let bench = bench.variable("CPD_URL", &server.url());

            let ran = bench.run();
            let ran = if deed == "tell" { ran.succeeds() } else { ran.exits_with(3) };

            // Its own files are what it makes of them.
            let _ = fs::remove_dir_all(bench.folder.path().join(".stepwise/r/artifacts"));
            tells_nothing(&bench, &ran, &[secret], &[]);
            assert!(server.lines().iter().any(|line| line.starts_with("GET /v2/spaces/")), "{:?}", server.lines());
            if deed != "tell" {
                assert!(ran.stderr().contains("the request that failed: GET /v2/spaces/"), "{}", ran.stderr());
            }
            if deed == "tell" {
                let refusal = bench.outputs("rogue")["found"]["ledger"].as_str().unwrap().to_owned();
                assert!(refusal.ends_with("the ledger takes nothing that has a secret in it"), "{refusal}");
            }
        }
    }
}

#[test]
fn later_steps_read_what_is_recorded() {
    let steps = "  - module: rogue.wasm\n    id: next\n    inputs: {do: answer, text: '{\"found\": {}}', request: \"${{ steps.rogue.found.value }}\"}\n";
    let text = "{\\\"found\\\": {\\\"value\\\": \\\"a some-api-key b\\\"}}";
    let bench = rogue(&format!("{{do: answer, text: \"{text}\"}}"), &format!("    grant: {{}}\n{steps}"));
    let bench = bench.variable("CPD_API_KEY", "some-api-key");

    bench.run().succeeds();

    assert_eq!(bench.outputs("rogue"), json!({"found": {"value": "a *** b"}}));
    assert_eq!(bench.step("next")["inputs"]["request"], "a *** b");
}

#[test]
fn a_sample_run_tells_no_secret_whichever_way_it_logs_in() {
    let login = "auth: &login\n      kind: cp4d\n      username: \"${{ env.CPD_USERNAME }}\"\n      api_key: \"${{ secrets.CPD_API_KEY }}\"\n";
    for (name, dialect, auth) in [
        ("an API key", Dialect::Cp4d5, "{kind: cp4d, username: me, api_key: \"${{ secrets.KEY }}\"}"),
        ("a password", Dialect::Cp4d4, "{kind: cp4d, username: me, password: \"${{ secrets.PASSWORD }}\"}"),
        (
            "a password, as of old",
            Dialect::Cp4d35,
            "{kind: cp4d_legacy, username: me, password: \"${{ secrets.PASSWORD }}\"}",
        ),
        (
            "IBM Cloud",
            Dialect::IbmCloud,
            "{kind: ibm_cloud, api_key: \"${{ secrets.KEY }}\", iam_url: \"${{ env.IAM_URL }}\"}",
        ),
    ] {
        let log = tempfile::tempdir().unwrap();
        let options = Options {
            dialect,
            username: "me".to_owned(),
            password: PASSWORD.to_owned(),
            api_key: KEY.to_owned(),
            settle: std::time::Duration::from_millis(20),
            request_log: Some(log.path().join("requests.jsonl")),
            ..Options::default()
        };
        let bench = without_login(options)
            .spec(login, &format!("auth: &login {auth}\n"))
            .without("CPD_API_KEY")
            .variable("KEY", KEY)
            .variable("PASSWORD", PASSWORD);

        let ran = bench.run().succeeds();

        let basic = STANDARD.encode(format!("me:{PASSWORD}"));
        // What every token of the stub begins with: `{"alg":"RS256"` in base64.
        tells_nothing(&bench, &ran, &[KEY, PASSWORD, &basic, "eyJhbGciOi"], &[log.path()]);
        assert!(fs::read_to_string(log.path().join("requests.jsonl")).unwrap().contains("***"), "{name}");
        bench.leaves_nothing();
    }
}
