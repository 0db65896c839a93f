//! The part of JQL the stand-in understands: parsing and its refusals.
//!
//! A query that uses more is refused like one with an unknown field, never guessed. Matching
//! stands in `jql_match`.

use crate::refusal::Refusal;

/// A parsed query.
#[derive(Debug)]
pub struct Query {
    /// The condition; absent when the query has only an order.
    pub condition: Option<Condition>,
    /// Fields to order by, and whether downwards.
    pub order: Vec<(String, bool)>,
}

/// A condition.
#[derive(Debug)]
pub enum Condition {
    /// All of them.
    And(Vec<Condition>),
    /// One of them.
    Or(Vec<Condition>),
    /// Not this one.
    Not(Box<Condition>),
    /// A field compared with values.
    Clause(Clause),
}

/// A comparison.
#[derive(Debug)]
pub struct Clause {
    /// The field, in lower case unless it names a property.
    pub field: String,
    /// The comparison.
    pub operator: Operator,
    /// One value, or several for `in`.
    pub values: Vec<Operand>,
}

/// How a clause compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Contains,
    ContainsNot,
    In,
    NotIn,
    Is,
    IsNot,
}

/// A value in a clause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operand {
    /// A word, text or number.
    Text(String),
    /// `EMPTY` or `NULL`.
    Empty,
    /// A function and its arguments.
    Call(String, Vec<String>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    Quoted(String),
    Sign(&'static str),
}

/// Parses a query.
pub fn parse(text: &str) -> Result<Query, Refusal> {
    let mut parser = Parser {
        tokens: tokens(text)?,
        at: 0,
    };
    let condition = if parser.is_done() || parser.sees_word("order") {
        None
    } else {
        Some(parser.any()?)
    };
    let order = parser.order()?;
    if parser.is_done() {
        Ok(Query { condition, order })
    } else {
        Err(parser.unexpected("the end of the query"))
    }
}

const SIGNS: [&str; 13] = [
    "!=", "!~", "<=", ">=", "&&", "||", "=", "~", "<", ">", "(", ")", ",",
];

fn tokens(text: &str) -> Result<Vec<Token>, Refusal> {
    let mut out = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        if first == '"' || first == '\'' {
            let (value, tail) = quoted(rest, first)?;
            out.push(Token::Quoted(value));
            rest = tail;
        } else if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            out.push(Token::Sign(sign));
            rest = rest.get(sign.len()..).unwrap_or_default();
        } else if first == '!' {
            out.push(Token::Word("not".to_owned()));
            rest = rest.get(1..).unwrap_or_default();
        } else {
            let end = rest
                .find(|c: char| c.is_whitespace() || "!=~<>(),\"'&|".contains(c))
                .unwrap_or(rest.len());
            let (word, tail) = rest.split_at(end.max(first.len_utf8()));
            if word.chars().any(|c| "{}*/%^$#@?;`\\".contains(c)) && !word.contains('@') {
                let at = text.len() - rest.len() + 1;
                return Err(Refusal::bad(format!(
                    "Error in the JQL Query: The character '{first}' at position {at} is reserved and must be quoted."
                )));
            }
            out.push(Token::Word(word.to_owned()));
            rest = tail;
        }
        rest = rest.trim_start();
    }
    Ok(out)
}

fn quoted(text: &str, quote: char) -> Result<(String, &str), Refusal> {
    let mut value = String::new();
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        if escaped {
            value.push(match c {
                'n' => '\n',
                't' => '\t',
                other => other,
            });
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if c == quote {
            return Ok((value, text.get(at + c.len_utf8()..).unwrap_or_default()));
        } else {
            value.push(c);
        }
    }
    Err(Refusal::bad(
        "Error in the JQL Query: The quoted string has not been completed.",
    ))
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn is_done(&self) -> bool {
        self.at >= self.tokens.len()
    }

    fn sees_word(&self, word: &str) -> bool {
        matches!(self.peek(), Some(Token::Word(it)) if it.eq_ignore_ascii_case(word))
    }

    fn takes_word(&mut self, word: &str) -> bool {
        let sees = self.sees_word(word);
        self.at += usize::from(sees);
        sees
    }

    fn takes_sign(&mut self, sign: &str) -> bool {
        let sees = matches!(self.peek(), Some(Token::Sign(it)) if *it == sign);
        self.at += usize::from(sees);
        sees
    }

    fn unexpected(&self, wanted: &str) -> Refusal {
        let got = match self.peek() {
            None => "the end of the query".to_owned(),
            Some(Token::Word(word) | Token::Quoted(word)) => format!("'{word}'"),
            Some(Token::Sign(sign)) => format!("'{sign}'"),
        };
        Refusal::bad(format!(
            "Error in the JQL Query: Expecting {wanted} but got {got}."
        ))
    }

    fn any(&mut self) -> Result<Condition, Refusal> {
        let mut parts = vec![self.all()?];
        while self.takes_word("or") || self.takes_sign("||") {
            parts.push(self.all()?);
        }
        Ok(one_or(parts, Condition::Or))
    }

    fn all(&mut self) -> Result<Condition, Refusal> {
        let mut parts = vec![self.single()?];
        while self.takes_word("and") || self.takes_sign("&&") {
            parts.push(self.single()?);
        }
        Ok(one_or(parts, Condition::And))
    }

    fn single(&mut self) -> Result<Condition, Refusal> {
        if self.takes_word("not") {
            return Ok(Condition::Not(Box::new(self.single()?)));
        }
        if self.takes_sign("(") {
            let inner = self.any()?;
            return if self.takes_sign(")") {
                Ok(inner)
            } else {
                Err(self.unexpected("')'"))
            };
        }
        Ok(Condition::Clause(self.clause()?))
    }

    fn clause(&mut self) -> Result<Clause, Refusal> {
        let field = self.field()?;
        let operator = self.operator()?;
        let values = match operator {
            Operator::In | Operator::NotIn => self.list()?,
            Operator::Is | Operator::IsNot => match self.operand()? {
                Operand::Empty => vec![Operand::Empty],
                _ => return Err(self.unexpected("EMPTY")),
            },
            _ => vec![self.operand()?],
        };
        Ok(Clause {
            field,
            operator,
            values,
        })
    }

    fn field(&mut self) -> Result<String, Refusal> {
        let name = match self.peek() {
            Some(Token::Word(word) | Token::Quoted(word)) => word.clone(),
            _ => return Err(self.unexpected("a field")),
        };
        self.at += 1;
        if name.to_lowercase().starts_with("issue.property") {
            return Ok(name);
        }
        Ok(name.to_lowercase())
    }

    fn operator(&mut self) -> Result<Operator, Refusal> {
        let by_sign = [
            ("=", Operator::Equal),
            ("!=", Operator::NotEqual),
            ("<=", Operator::LessOrEqual),
            (">=", Operator::GreaterOrEqual),
            ("<", Operator::Less),
            (">", Operator::Greater),
            ("~", Operator::Contains),
            ("!~", Operator::ContainsNot),
        ];
        for (sign, operator) in by_sign {
            if self.takes_sign(sign) {
                return Ok(operator);
            }
        }
        if self.takes_word("in") {
            Ok(Operator::In)
        } else if self.takes_word("is") {
            Ok(if self.takes_word("not") {
                Operator::IsNot
            } else {
                Operator::Is
            })
        } else if self.takes_word("not") && self.takes_word("in") {
            Ok(Operator::NotIn)
        } else {
            Err(self.unexpected("an operator"))
        }
    }

    fn list(&mut self) -> Result<Vec<Operand>, Refusal> {
        if !self.takes_sign("(") {
            // A function may stand in place of a list: `sprint in openSprints()`.
            return match self.operand()? {
                call @ Operand::Call(..) => Ok(vec![call]),
                _ => Err(self.unexpected("'('")),
            };
        }
        let mut out = vec![self.operand()?];
        while self.takes_sign(",") {
            out.push(self.operand()?);
        }
        if self.takes_sign(")") {
            Ok(out)
        } else {
            Err(self.unexpected("')'"))
        }
    }

    fn operand(&mut self) -> Result<Operand, Refusal> {
        let token = self
            .peek()
            .cloned()
            .ok_or_else(|| self.unexpected("a value"))?;
        self.at += 1;
        match token {
            Token::Quoted(text) => Ok(Operand::Text(text)),
            Token::Word(word) if self.takes_sign("(") => {
                let mut arguments = Vec::new();
                while !self.takes_sign(")") {
                    match self.operand()? {
                        Operand::Text(text) => arguments.push(text),
                        _ => return Err(self.unexpected("an argument")),
                    }
                    self.takes_sign(",");
                }
                Ok(Operand::Call(word.to_lowercase(), arguments))
            }
            Token::Word(word)
                if word.eq_ignore_ascii_case("empty") || word.eq_ignore_ascii_case("null") =>
            {
                Ok(Operand::Empty)
            }
            Token::Word(word) => Ok(Operand::Text(word)),
            Token::Sign(_) => {
                self.at -= 1;
                Err(self.unexpected("a value"))
            }
        }
    }

    fn order(&mut self) -> Result<Vec<(String, bool)>, Refusal> {
        let mut out = Vec::new();
        if !self.takes_word("order") {
            return Ok(out);
        }
        if !self.takes_word("by") {
            return Err(self.unexpected("'by'"));
        }
        loop {
            let field = self.field()?;
            let down = self.takes_word("desc");
            if !down {
                self.takes_word("asc");
            }
            out.push((field, down));
            if !self.takes_sign(",") {
                break;
            }
        }
        if out.len() > 7 {
            return Err(Refusal::bad("The maximum number of sort fields is 7."));
        }
        Ok(out)
    }
}

fn one_or(mut parts: Vec<Condition>, join: fn(Vec<Condition>) -> Condition) -> Condition {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        Some(last) => {
            parts.push(last);
            join(parts)
        }
        None => join(parts),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_the_app_may_send_are_understood() {
        let good = [
            r"project = SHOP",
            r#"project in (SHOP, "Web Shop") AND updated >= "-30m" ORDER BY updated ASC, key ASC"#,
            r"NOT (status = Done OR statusCategory != done) and key in (SHOP-1,SHOP-2)",
            r#"issue.property[touchstone.defect].marker = "a1""#,
            r"fixVersion is not EMPTY && sprint in openSprints()",
            r"reporter = currentUser() AND created >= -1h",
            "order by created desc",
        ];
        for query in good {
            assert!(parse(query).is_ok(), "{query}");
        }
    }

    #[test]
    fn broken_queries_are_refused() {
        let bad = [
            "project =",
            "project SHOP",
            "(project = SHOP",
            "project = SHOP AND",
            "project in SHOP",
            "summary ~ \"open",
            "fixVersion is 3",
            "project = SHOP order updated",
            "project = SHOP SHOP",
        ];
        for query in bad {
            assert!(parse(query).is_err(), "{query}");
        }
    }
}
