//! The tags of a pipeline's runs, in the form that the contract has for them.

/// A longer one is no run's name.
const LONGEST_NAME: usize = 36;
const NONCE: usize = 6;

/// The run that made what carries a tag.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Tag {
    /// The run's name.
    pub(crate) run: String,
    /// Tells runs of one name apart.
    nonce: String,
    /// The entry of the run's ledger.
    number: u32,
}

impl Tag {
    /// Reads `<prefix><run>_<nonce>_<number>`. What only looks like it is none.
    pub(crate) fn parse(prefix: &str, text: &str) -> Option<Self> {
        let (run, nonce, number) = split(text.strip_prefix(prefix)?)?;
        let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let is_run = (1..=LONGEST_NAME).contains(&run.len())
            && run.starts_with(is_word)
            && run.chars().all(|c| is_word(c) || c == '-' || c == '_');
        let is_nonce = nonce.len() == NONCE && nonce.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f'));
        let is_number =
            number.starts_with(|c: char| ('1'..='9').contains(&c)) && number.chars().all(|c| c.is_ascii_digit());
        if !(is_run && is_nonce && is_number) {
            return None;
        }
        Some(Self { run: run.to_owned(), nonce: nonce.to_owned(), number: number.parse().ok()? })
    }

    /// What tells the run from all others of the pipeline.
    pub(crate) fn run(&self) -> (&str, &str) {
        (&self.run, &self.nonce)
    }
}

fn split(text: &str) -> Option<(&str, &str, &str)> {
    let (rest, number) = text.rsplit_once('_')?;
    let (run, nonce) = rest.rsplit_once('_')?;
    Some((run, nonce, number))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(text: &str) -> Option<String> {
        Tag::parse("stepwise_1_a_", text).map(|tag| tag.run)
    }

    #[test]
    fn a_tag_tells_its_run_whatever_that_is_called() {
        assert_eq!(run("stepwise_1_a_build-42_0f9a3c_1").as_deref(), Some("build-42"));
        assert_eq!(run("stepwise_1_a_x_1_2_0f9a3c_12").as_deref(), Some("x_1_2"));
        let (one, other) = (Tag::parse("p_", "p_r_000001_1"), Tag::parse("p_", "p_r_000002_1"));
        assert_ne!(one.unwrap().run(), other.unwrap().run());
    }

    #[test]
    fn what_only_looks_like_a_tag_is_none() {
        for text in [
            "",
            "stepwise",
            "stepwise_1_a_",
            "stepwise_1_a_r",
            "stepwise_1_a_r_0f9a3c",
            "stepwise_1_a_r_0f9a3c_",
            "stepwise_1_a_r_0f9a3c_0",
            "stepwise_1_a_r_0f9a3c_01",
            "stepwise_1_a_r_0f9a3c_x",
            "stepwise_1_a_r_0f9a3c_1 ",
            "stepwise_1_a_r_0f9a3c_99999999999",
            "stepwise_1_a_r_0f9a3_1",
            "stepwise_1_a_r_0F9A3C_1",
            "stepwise_1_a__0f9a3c_1",
            "stepwise_1_a_-r_0f9a3c_1",
            "stepwise_1_a_R_0f9a3c_1",
            "stepwise_3_a_b_r_0f9a3c_1",
            "stepwise_a_r_0f9a3c_1",
            "xstepwise_1_a_r_0f9a3c_1",
        ] {
            assert_eq!(run(text), None, "{text}");
        }
        let long = format!("stepwise_1_a_{}_0f9a3c_1", "r".repeat(37));
        assert_eq!(run(&long), None);
    }
}
