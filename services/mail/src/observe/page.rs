//! A page in Prometheus' text format (version 0.0.4): all samples of a name stand together.

use std::collections::BTreeMap;
use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Counter,
    Gauge,
}

/// What was measured so far.
#[derive(Debug, Default)]
pub struct Page {
    families: BTreeMap<&'static str, Family>,
}

#[derive(Debug)]
struct Family {
    kind: Kind,
    help: &'static str,
    /// Labels in braces, or nothing, with the value.
    samples: BTreeMap<String, f64>,
}

impl Page {
    /// One sample. A second one with the same labels is added to the first.
    #[expect(clippy::cast_precision_loss, reason = "the format has nothing but floats")]
    pub fn add(
        &mut self,
        kind: Kind,
        name: &'static str,
        help: &'static str,
        labels: &[(&str, &str)],
        value: u64,
    ) {
        let family =
            self.families.entry(name).or_insert_with(|| Family { kind, help, samples: BTreeMap::new() });
        *family.samples.entry(braces(labels)).or_default() += value as f64;
    }

    pub fn counter(&mut self, name: &'static str, help: &'static str, labels: &[(&str, &str)], value: u64) {
        self.add(Kind::Counter, name, help, labels, value);
    }

    pub fn gauge(&mut self, name: &'static str, help: &'static str, labels: &[(&str, &str)], value: u64) {
        self.add(Kind::Gauge, name, help, labels, value);
    }
}

fn braces(labels: &[(&str, &str)]) -> String {
    let written: Vec<_> =
        labels.iter().map(|(label, value)| format!("{label}=\"{}\"", escaped(value))).collect();
    if written.is_empty() { String::new() } else { format!("{{{}}}", written.join(",")) }
}

fn escaped(value: &str) -> String {
    value.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n")
}

impl fmt::Display for Page {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, family) in &self.families {
            let kind = match family.kind {
                Kind::Counter => "counter",
                Kind::Gauge => "gauge",
            };
            write!(out, "# HELP {name} {}\n# TYPE {name} {kind}\n", family.help)?;
            for (labels, value) in &family.samples {
                writeln!(out, "{name}{labels} {value}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_of_a_name_stand_together_and_labels_are_escaped() {
        let mut page = Page::default();
        page.counter("mail_b_total", "Bs.", &[("kind", "a\"b\\c\nd")], 1);
        page.gauge("mail_a", "As.", &[], 7);
        page.counter("mail_b_total", "Bs.", &[("kind", "x"), ("on", "y")], 2);
        page.counter("mail_b_total", "Bs.", &[("kind", "x"), ("on", "y")], 3);
        let expected = "# HELP mail_a As.\n# TYPE mail_a gauge\nmail_a 7\n\
            # HELP mail_b_total Bs.\n# TYPE mail_b_total counter\n\
            mail_b_total{kind=\"a\\\"b\\\\c\\nd\"} 1\nmail_b_total{kind=\"x\",on=\"y\"} 5\n";
        assert_eq!(page.to_string(), expected);
    }
}
