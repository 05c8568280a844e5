//! A spec that is no YAML is shown where it is wrong, but nothing of its logins: what of them is a secret cannot be known.

/// What stands in place of what is hidden.
const HIDDEN: &str = "***";

/// Keys of a login that tell nothing.
const OPEN: [&str; 4] = ["kind", "username", "file", "iam_url"];

/// The text without the values of logins: what follows `auth:` on its line, and on the lines that are further in.
pub(super) fn without_logins(text: &str) -> String {
    let mut below = None;
    let mut shown = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let (line, end) = line.split_at(line.trim_end_matches(['\r', '\n']).len());
        let indent = line.len() - line.trim_start().len();
        if !line.trim().is_empty() && below.is_some_and(|auth| indent <= auth) {
            below = None;
        }
        if let Some(at) = after_auth(line) {
            below = Some(indent);
            shown += &hidden(line, at);
        } else if below.is_some() {
            shown += &value_hidden(line);
        } else {
            shown += line;
        }
        shown += end;
    }
    shown
}

/// Where the value of a key `auth` begins.
fn after_auth(line: &str) -> Option<usize> {
    line.match_indices("auth").find_map(|(at, word)| {
        let is_whole = !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '-');
        let rest = &line[at + word.len()..];
        let rest = rest.trim_start_matches(['"', '\'']).trim_start().strip_prefix(':')?;
        is_whole.then_some(line.len() - rest.len())
    })
}

/// A line below `auth`: its key is shown, and its value if that is none to hide.
fn value_hidden(line: &str) -> String {
    let Some((key, value)) = line.split_once(':') else { return hidden(line, 0) };
    let refers = value.trim_start().trim_start_matches(['"', '\'']).starts_with("${{");
    let is_open = OPEN.contains(&key.trim().trim_matches(['"', '\'']));
    if refers || is_open { line.to_owned() } else { hidden(line, key.len() + 1) }
}

/// The line with all from there on hidden.
fn hidden(line: &str, from: usize) -> String {
    let value = &line[from..];
    // An anchor's name is no secret.
    if value.trim().is_empty() || (value.trim().starts_with('&') && !value.trim().contains(' ')) {
        return line.to_owned();
    }
    let blank = value.len() - value.trim_start().len();
    format!("{}{HIDDEN}", &line[..from + blank])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_below_auth_are_hidden_wherever_they_stand() {
        let text = "services:\n  a:\n    auth: &login\n      kind: cp4d\n      api_ky: \"literal\n      api_key: \"${{ secrets.A }}\"\r\n    \
                    url: u\n  b: {url: u, auth: {token: x, y: literal}, insecure: true}\n  c: {auth:\n    {token:\n      literal\n    }}\n\
                    author: me\n";
        let shown = "services:\n  a:\n    auth: &login\n      kind: cp4d\n      api_ky: ***\n      api_key: \"${{ secrets.A }}\"\r\n    \
                     url: u\n  b: {url: u, auth: ***\n  c: {auth:\n    {token:\n      ***\n    ***\n\
                     author: me\n";
        assert_eq!(without_logins(text), shown);
    }

    #[test]
    fn a_text_without_logins_is_as_it_was() {
        for text in ["", "a: 1\n\n\tb: [2\n", "oauth: x", "the auth of it"] {
            assert_eq!(without_logins(text), text);
        }
    }
}
