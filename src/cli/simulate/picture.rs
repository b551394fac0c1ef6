//! The picture of `simulate`: talk share and abandonment over the shift, as one SVG that any browser shows.

use maud::{Markup, html};

use super::sum::{Course, Sum};
use crate::domain::pacing::{CAP, Share, TARGET};

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 640.0;
const LEFT: f64 = 64.0;
/// Room for the names of the lines.
const RIGHT: f64 = 170.0;
/// Inks of the lines, told apart by all eyes and on paper.
const INKS: [&str; 2] = ["#8a6d3b", "#1d4ed8"];
const STYLE: &str = "\
text{font-family:system-ui,'DejaVu Sans',sans-serif;fill:#374151;font-size:13px}\
.title{font-size:20px;font-weight:600;fill:#111827}.sub{font-size:13px;fill:#6b7280}.head{font-size:14px;font-weight:600;fill:#111827}\
.grid{stroke:#e5e7eb}.axis{stroke:#9ca3af}.cap{stroke:#b91c1c;stroke-dasharray:6 4;stroke-width:1.5}text.captext{fill:#b91c1c}text.targettext{fill:#6b7280}\
.target{stroke:#9ca3af;stroke-dasharray:2 4;stroke-width:1.5}.line{fill:none;stroke-width:2.5;stroke-linejoin:round}.band{opacity:.14}";

/// One of the two graphs: where it stands, and what its heights mean.
struct Panel {
    top: f64,
    height: f64,
    most: f64,
    step: f64,
    hours: f64,
}

impl Panel {
    fn x(&self, hour: f64) -> f64 {
        LEFT + (WIDTH - LEFT - RIGHT) * hour / self.hours
    }

    fn y(&self, value: f64) -> f64 {
        self.top + self.height * (1.0 - (value / self.most).min(1.0))
    }

    /// The middle of a part of the shift.
    fn middle(&self, part: usize, parts: usize) -> f64 {
        let (part, parts) = (number(part), number(parts));
        self.x(self.hours * (part + 0.5) / parts)
    }

    fn points(&self, course: &Course, figure: impl Fn(&(f64, f64, f64)) -> f64) -> Vec<String> {
        let point = |(part, figures)| format!("{:.1},{:.1}", self.middle(part, course.len()), self.y(figure(figures)));
        course.iter().enumerate().map(point).collect()
    }

    fn grid(&self, head: &str) -> Markup {
        let (left, right, bottom) = (LEFT, WIDTH - RIGHT, self.top + self.height);
        html! {
            text.head x=(left) y=(self.top - 14.0) { (head) }
            @for value in marks(self.most, self.step) {
                line.grid x1=(left) x2=(right) y1=(tenth(self.y(value))) y2=(tenth(self.y(value))) {}
                text x=(left - 10.0) y=(tenth(self.y(value) + 4.5)) text-anchor="end" { (value) " %" }
            }
            line.axis x1=(left) x2=(right) y1=(bottom) y2=(bottom) {}
            @for hour in marks(self.hours, hour_step(self.hours)) {
                line.axis x1=(tenth(self.x(hour))) x2=(tenth(self.x(hour))) y1=(bottom) y2=(bottom + 5.0) {}
                text x=(tenth(self.x(hour))) y=(bottom + 20.0) text-anchor="middle" { (hour) " h" }
            }
        }
    }

    /// Each mode's line with the reach of its shifts behind it and its name at the end.
    fn lines(&self, courses: &[(usize, String, Course)]) -> Markup {
        let ends: Vec<f64> = courses.iter().map(|(_, _, course)| course.last().map_or(0.0, |figures| self.y(figures.0))).collect();
        html! {
            @for (ink, _, course) in courses {
                @let back = self.points(course, |figures| figures.1).into_iter().rev();
                @let around: Vec<String> = self.points(course, |figures| figures.2).into_iter().chain(back).collect();
                polygon.band fill=(INKS[*ink]) points=(around.join(" ")) {}
            }
            @for (index, (ink, name, course)) in courses.iter().enumerate() {
                polyline.line stroke=(INKS[*ink]) points=(self.points(course, |figures| figures.0).join(" ")) {}
                text x=(WIDTH - RIGHT + 10.0) y=(tenth(apart(&ends, index) + 4.5)) style={ "fill:" (INKS[*ink]) ";font-weight:600" } { (name) }
            }
        }
    }

    fn rule(&self, class: &str, value: f64, name: &str) -> Markup {
        let y = tenth(self.y(value));
        html! {
            line class=(class) x1=(LEFT) x2=(WIDTH - RIGHT) y1=(y) y2=(y) {}
            text class={ (class) "text" } x=(LEFT + 6.0) y=(y - 5.0) { (name) }
        }
    }
}

/// Draws the shifts.
pub(super) fn draw(title: &str, scenario: &str, hours: f64, sums: &[Sum]) -> String {
    let ink = |sum: &Sum| usize::from(sum.name != "progressive");
    let courses = |course: fn(&Sum) -> Course, figure: fn(&Sum) -> String| {
        sums.iter().map(|sum| (ink(sum), format!("{} {}", sum.name, figure(sum)), course(sum))).collect::<Vec<_>>()
    };
    let talk = Panel { top: 118.0, height: 230.0, most: 100.0, step: 25.0, hours };
    let abandoned = Panel { top: 430.0, height: 160.0, most: 4.0, step: 1.0, hours };
    let percent = |share: Share| f64::from(share.basis_points()) / 100.0;
    let picture = html! {
        svg xmlns="http://www.w3.org/2000/svg" viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } width=(WIDTH) height=(HEIGHT) role="img" {
            title { (title) }
            style { (STYLE) }
            rect width=(WIDTH) height=(HEIGHT) fill="#ffffff" {}
            text.title x="24" y="38" { (title) }
            text.sub x="24" y="62" { (scenario) }
            (talk.grid("Agents talk, of their time"))
            (talk.lines(&courses(Sum::talk_shares, Sum::talk_share)))
            (abandoned.grid("Abandoned, of the answered calls so far"))
            (abandoned.rule("target", percent(TARGET), &format!("target {TARGET}")))
            (abandoned.rule("cap", percent(CAP), &format!("cap {CAP}")))
            (abandoned.lines(&courses(Sum::abandonment, Sum::abandoned_rate)))
        }
    };
    picture.into_string()
}

/// The height of a name at the end of its line, moved away from the other's where they would meet.
fn apart(ends: &[f64], index: usize) -> f64 {
    let Some(other) = ends.get(1 - index.min(1)).filter(|_| ends.len() > 1) else { return ends[index] };
    let gap = ends[index] - other;
    if gap.abs() >= 16.0 {
        return ends[index];
    }
    let up = gap < 0.0 || (gap == 0.0 && index == 1);
    f64::midpoint(ends[index], *other) + if up { -8.0 } else { 8.0 }
}

/// 0, one step, two steps … up to the most.
fn marks(most: f64, step: f64) -> Vec<f64> {
    std::iter::successors(Some(0.0), |mark| Some(mark + step)).take_while(|mark| *mark <= most + 1e-9).collect()
}

/// Not more than a dozen marks.
fn hour_step(hours: f64) -> f64 {
    [0.05, 0.1, 0.25, 0.5, 1.0].into_iter().find(|step| hours / step <= 12.0).unwrap_or(2.0)
}

/// Rounded to a tenth.
fn tenth(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

fn number(count: usize) -> f64 {
    u32::try_from(count).map_or(0.0, f64::from)
}
