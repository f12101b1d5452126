//! The report as one page: tables and bars, drawn without any script.

use std::fmt::Write;

use crate::bench::report::{Measured, Report, short};
use crate::bench::results::median;

const WIDTH: f64 = 460.0;
const BAR: f64 = 18.0;
const NAMES: f64 = 80.0;

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem;color:#222;background:#fff}\
table{border-collapse:collapse}td,th{padding:.2rem .8rem;border-bottom:1px solid #ddd;text-align:left}td.n{text-align:right}\
.missed{color:#b00020;font-weight:600}h2{margin-top:2rem}h3{margin:1.2rem 0 .2rem;font-size:1rem}svg{max-width:100%;font:12px system-ui,sans-serif}\
@media(prefers-color-scheme:dark){body{color:#ddd;background:#161616}td,th{border-color:#333}svg text{fill:#ddd}.missed{color:#ff7b8a}}";

pub fn html(report: &Report) -> String {
    let mut page = String::new();
    let Report { at, command, machine, .. } = report;
    let _ = write!(
        page,
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>Pika beside its peers</title><style>{STYLE}</style>\
<h1>Pika beside its peers</h1><p>{at}, {} cores of {}, Linux {}<br><code>{}</code></p>",
        machine.cores,
        escape(&machine.processor),
        escape(&machine.kernel),
        escape(command),
    );
    page.push_str("<h2>Targets</h2><table><tr><th></th><th>measured</th><th>target</th><th>bound</th><th></th></tr>");
    for judged in &report.targets {
        let word = if judged.holds { "<td>holds</td>" } else { "<td class=\"missed\">missed</td>" };
        let (row, limit) = (escape(&judged.row), escape(&judged.limit));
        let _ = write!(page, "<tr><td>{row}</td><td class=\"n\">{} {}</td><td>{limit}</td>", short(judged.value), judged.unit);
        let _ = write!(page, "<td class=\"n\">{}</td>{word}</tr>", short(judged.bound));
    }
    page.push_str("</table><h2>Figures</h2><p>Bars are medians, ticks the single rounds.</p>");
    let mut at = 0;
    while at < report.measured.len() {
        let row = &report.measured[at].row;
        let of: Vec<&Measured> = report.measured[at..].iter().take_while(|m| m.row == *row).collect();
        at += of.len();
        let _ = write!(page, "<h3>{}, {}</h3>{}", escape(row), of[0].unit, bars(&of));
    }
    page.push_str("</html>\n");
    page
}

fn bars(of: &[&Measured]) -> String {
    let most = of.iter().flat_map(|m| &m.samples).copied().fold(f64::MIN_POSITIVE, f64::max);
    let x = |value: f64| NAMES + value / most * (WIDTH - NAMES);
    let height = of.len() as f64 * (BAR + 4.0);
    let mut svg = format!("<svg role=\"img\" width=\"{}\" height=\"{height}\">", WIDTH + 80.0);
    for (n, measured) in of.iter().enumerate() {
        let top = n as f64 * (BAR + 4.0);
        let Some(value) = median(&measured.samples) else { continue };
        let color = if measured.peer == "Pika" { "#e5a50a" } else { "#7a9cc6" };
        let _ = write!(svg, "<text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"end\">{}</text>", NAMES - 6.0, top + 13.0, escape(&measured.peer));
        let _ = write!(svg, "<rect x=\"{NAMES}\" y=\"{top}\" width=\"{:.1}\" height=\"{BAR}\" fill=\"{color}\"/>", x(value) - NAMES);
        for sample in &measured.samples {
            let _ = write!(svg, "<path d=\"M{0:.1} {1}v{BAR}\" stroke=\"#444\"/>", x(*sample), top);
        }
        let end = measured.samples.iter().copied().fold(value, f64::max);
        let _ = write!(svg, "<text x=\"{:.1}\" y=\"{:.0}\">{}</text>", x(end) + 6.0, top + 13.0, short(value));
    }
    svg.push_str("</svg>");
    svg
}

pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::peer::Peer;
    use crate::bench::results::{Results, Row};
    use crate::bench::targets::judge;

    #[test]
    fn the_page_shows_every_figure_and_what_is_missed_and_loads_nothing() {
        let mut results = Results::default();
        for (peer, value) in [(Peer::Bun, 1.0), (Peer::Pika, 2.0)] {
            results.add(Row::Receipt, peer, value);
        }
        let page = html(&Report::new(&results, judge(&results)));
        assert!(page.contains("missed") && page.contains(">Bun<") && page.contains("2.00 ms"), "{page}");
        assert!(!page.contains("<script") && !page.contains("http"), "{page}");
    }
}
