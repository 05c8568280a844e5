//! What somebody wants to know first: how it ended and why, which model, what is left.

use maud::{Markup, html};

use crate::run::Outcome;

use super::super::headline::MAX_MISSES;
use super::super::number::seconds;
use super::super::summary::Summary;
use super::super::words;
use super::inline;

/// Digits of a SHA-256 that tell models apart well enough for the eye.
const SHORT: usize = 16;

/// The page's head: how it ended, and why.
pub(super) fn banner(summary: &Summary) -> Markup {
    let record = &summary.record;
    let mark = match record.outcome {
        Outcome::Succeeded => "✓",
        Outcome::GateMissed => "!",
        Outcome::Failed => "✗",
        Outcome::Interrupted | Outcome::Unfinished => "■",
    };
    let misses: Vec<_> = summary.gates().filter_map(|(_, gate)| gate.complaint()).collect();
    let more = misses.len().saturating_sub(MAX_MISSES);
    // A step whose gates are told one by one need not say it again.
    let told = |id: &str| summary.gates().any(|(step, gate)| step == id && !gate.passed);
    let complaints = record.steps.iter().filter_map(|step| Some((step, words::complaint(step)?)));
    html! {
        header {
            p class="run" {
                strong { (record.pipeline) } " run " (record.run)
                @if record.dry_run { " " span class="tag" { "dry run" } }
            }
            h1 { span class="mark" aria-hidden="true" { (mark) } " " span class="word" { (words::outcome(record.outcome)) } }
            ul class="why" {
                @if record.outcome == Outcome::Unfinished {
                    @if let Some(text) = words::not_run(record) { li class="miss" { (inline(&text)) } }
                }
                @for text in record.steps.iter().filter_map(words::interruption) { li class="miss" { (inline(&text)) } }
                @for miss in misses.iter().take(MAX_MISSES) { li class="miss" { (miss) } }
                @if more > 0 { li class="miss" { "and " (more) " more, below" } }
                @for (step, (complaint, hint)) in complaints {
                    li class=(if told(&step.id) { "again" } else { "failure" }) {
                        (inline(&complaint))
                        @if let Some(hint) = hint { p class="hint" { "hint: " (inline(hint)) } }
                    }
                }
            }
        }
    }
}

/// The rest that somebody wants to know first.
pub(super) fn facts(summary: &Summary) -> Markup {
    let record = &summary.record;
    let missed = summary.gates().any(|(_, gate)| !gate.passed);
    let models = summary.models();
    html! {
        dl class="facts" {
            @if !models.is_empty() {
                div {
                    dt { "Model" }
                    dd {
                        @for (name, sha256) in models {
                            p { (name) }
                            p class="detail" title=(sha256) { "SHA-256 " (sha256.chars().take(SHORT).collect::<String>()) "…" }
                        }
                    }
                }
            }
            @if let Some(gates) = summary.gates_words() {
                div class=(if missed { "bad" } else { "good" }) {
                    dt { "Gates" }
                    dd { (gates) }
                }
            }
            div class=(if summary.left.is_empty() { "good" } else { "bad" }) {
                dt { "Left behind" }
                dd { (summary.left_words()) }
            }
            div {
                dt { "Steps took" }
                dd { (seconds(summary.took())) p class="detail" { "began " (record.started_at) } }
            }
        }
    }
}

/// What a reader should know who trusts the run.
pub(super) fn warnings(summary: &Summary) -> Markup {
    html! {
        @for warning in &summary.record.warnings { p class="warning" { strong { "warning:" } " " (inline(warning)) } }
    }
}

/// Where all of this comes from.
pub(super) fn footer(summary: &Summary) -> Markup {
    let record = &summary.record;
    html! {
        footer {
            p { "Spec " code { (record.spec) } ", SHA-256 " code { (record.spec_sha256) } }
            @for (service, url) in &record.services { p { "Service " (service) " at " code { (url) } } }
            p {
                "stepwise " (record.stepwise) ", written " (record.updated_at) ". The whole record is "
                a href="run.json" { "run.json" } "; the same in short is " a href="summary.md" { "summary.md" } "."
            }
        }
    }
}
