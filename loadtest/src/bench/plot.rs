//! Curves as SVG that reads on light and dark pages.

use std::fmt::Write;

use crate::bench::growth::Line;
use crate::bench::page::escape;
use crate::bench::report::short;

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 320.0;
const LEFT: f64 = 60.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 50.0;
const COLORS: [&str; 4] = ["#c17d00", "#e5b450", "#3b6ea8", "#8fb3dc"];
const LINES: usize = 4;

/// Over a logarithm of x, from zero of y.
pub fn svg(x_title: &str, y_title: &str, lines: &[Line]) -> String {
    let points = || lines.iter().flat_map(|line| &line.points);
    let (low, high) = points().fold((f64::MAX, f64::MIN_POSITIVE), |(low, high), (x, _)| (low.min(*x), high.max(*x)));
    let most = points().map(|(_, y)| *y).fold(f64::MIN_POSITIVE, f64::max) * 1.1;
    let span = (high / low).ln().max(f64::MIN_POSITIVE);
    let x = |value: f64| LEFT + (value / low).ln() / span * (WIDTH - LEFT - RIGHT);
    let y = |value: f64| HEIGHT - BOTTOM - value / most * (HEIGHT - TOP - BOTTOM);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"system-ui,sans-serif\" font-size=\"12\">\
<style>text{{fill:#444}}path{{fill:none}}.axis{{stroke:#bbb}}@media(prefers-color-scheme:dark){{text{{fill:#ccc}}.axis{{stroke:#555}}}}</style>"
    );
    for step in 0..=LINES {
        let value = most * step as f64 / LINES as f64;
        let _ = write!(svg, "<path class=\"axis\" d=\"M{LEFT} {0:.1}H{1}\"/>", y(value), WIDTH - RIGHT);
        let _ = write!(svg, "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>", LEFT - 6.0, y(value) + 4.0, short(value));
    }
    let mut marks: Vec<f64> = points().map(|(x, _)| *x).collect();
    marks.sort_by(f64::total_cmp);
    marks.dedup();
    for mark in marks {
        let _ = write!(svg, "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{mark}</text>", x(mark), HEIGHT - BOTTOM + 16.0);
    }
    for (n, line) in lines.iter().enumerate() {
        let color = COLORS[n % COLORS.len()];
        let path: Vec<String> = line.points.iter().map(|(at, value)| format!("{:.1} {:.1}", x(*at), y(*value))).collect();
        let _ = write!(svg, "<path d=\"M{}\" stroke=\"{color}\" stroke-width=\"2\"/>", path.join("L"));
        for (at, value) in &line.points {
            let _ = write!(
                svg,
                "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"3.5\" fill=\"{color}\"><title>{}</title></circle>",
                x(*at),
                y(*value),
                short(*value)
            );
        }
        let legend = LEFT + n as f64 * 145.0;
        let _ = write!(svg, "<path d=\"M{legend} 28h16\" stroke=\"{color}\" stroke-width=\"3\"/>");
        let _ = write!(svg, "<text x=\"{}\" y=\"32\">{}</text>", legend + 22.0, escape(&line.name));
    }
    let _ = write!(svg, "<text x=\"{LEFT}\" y=\"14\">{}</text>", escape(y_title));
    let _ = write!(svg, "<text x=\"{:.0}\" y=\"{}\" text-anchor=\"middle\">{}</text></svg>", WIDTH / 2.0, HEIGHT - 12.0, escape(x_title));
    svg.push('\n');
    svg
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_point_lies_within_the_picture() {
        let lines =
            [Line { name: "a".to_owned(), points: vec![(1.0, 3.0), (4.0, 0.0)] }, Line { name: "b".to_owned(), points: vec![(2.0, 9.0)] }];
        let svg = svg("x", "y", &lines);
        let numbers = |name: &str| {
            svg.split(&format!(" {name}=\""))
                .skip(1)
                .map(|rest| rest.split('"').next().unwrap().parse::<f64>().unwrap())
                .collect::<Vec<_>>()
        };
        assert_eq!(numbers("cx").len(), 3);
        assert!(numbers("cx").iter().all(|x| (LEFT..=WIDTH - RIGHT).contains(x)), "{svg}");
        assert!(numbers("cy").iter().all(|y| (TOP..=HEIGHT - BOTTOM).contains(y)), "{svg}");
    }
}
