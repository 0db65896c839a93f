//! Pages of a list: how many items one holds, and where the next one begins.
//!
//! A cursor is the place of the last item that was seen, not a count: what is added or taken away
//! meanwhile neither repeats an item nor hides one.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use utoipa::ToSchema;

use super::query::Query;
use crate::problem::Problem;

/// Items on a page when nobody says.
const USUAL: i64 = 50;
/// Most items on a page.
const MOST: i64 = 200;

/// Which page is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Page {
    /// The number of the last item of the page before; none is the first page.
    pub after: Option<i64>,
    /// Items wanted.
    pub limit: i64,
}

impl Page {
    /// Reads `cursor` and `limit`.
    pub fn read(query: &Query) -> Result<Self, Problem> {
        let limit = match query.word("limit")?.map(str::parse) {
            None => USUAL,
            Some(Ok(limit)) if (1..=MOST).contains(&limit) => limit,
            Some(_) => {
                return Err(Problem::bad_request("`limit` is not a number of items.")
                    .detail(format!("A page holds 1 to {MOST} items.")));
            }
        };
        let after = query.one("cursor")?.map(place).transpose()?;
        Ok(Self { after, limit })
    }

    /// Items to read: one more than wanted, which tells whether there is another page.
    pub fn wanted(self) -> i64 {
        self.limit + 1
    }

    /// The page that these items make, which `place` numbers and `show` puts into words.
    pub fn of<T, S>(
        self,
        mut items: Vec<T>,
        place: impl Fn(&T) -> i64,
        show: impl Fn(T) -> S,
    ) -> Listed<S> {
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let is_last = items.len() <= limit;
        items.truncate(limit);
        let last = items.last().map(place).filter(|_| !is_last);
        Listed {
            next: last.map(cursor),
            items: items.into_iter().map(show).collect(),
        }
    }
}

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Listed<T> {
    /// The items.
    pub items: Vec<T>,
    /// The value of `cursor` for the next page; none on the last.
    pub next: Option<String>,
}

fn cursor(number: i64) -> String {
    URL_SAFE_NO_PAD.encode(format!("n{number}"))
}

fn place(cursor: &str) -> Result<i64, Problem> {
    let text = URL_SAFE_NO_PAD.decode(cursor).ok();
    let number = text.as_deref().and_then(|text| {
        std::str::from_utf8(text)
            .ok()?
            .strip_prefix('n')?
            .parse()
            .ok()
    });
    number.ok_or_else(|| {
        Problem::bad_request("`cursor` is not the end of a page.")
            .detail("Send the `next` of the page before.")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_one_another_to_the_end() {
        let known = ["cursor", "limit"];
        let (mut seen, mut text) = (Vec::new(), "limit=2".to_owned());
        loop {
            let page = Page::read(&Query::read(&text, &known).unwrap()).unwrap();
            let items = (1..=5_i64).filter(|n| page.after.is_none_or(|after| *n > after));
            let items = items
                .take(usize::try_from(page.wanted()).unwrap())
                .collect();
            let listed = page.of(items, |n| *n, |n| n);
            seen.push(listed.items);
            match listed.next {
                Some(next) => text = format!("limit=2&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(seen, [vec![1, 2], vec![3, 4], vec![5]]);
        for bad in [
            "limit=",
            "limit=0",
            "limit=201",
            "limit=x",
            "cursor=x",
            "cursor=bjF4",
        ] {
            let query = Query::read(bad, &known).unwrap();
            assert_eq!(Page::read(&query).unwrap_err().status, 400, "{bad}");
        }
    }
}
