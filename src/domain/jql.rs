//! The part of Jira's query language that searches here understand.
//!
//! A clause that is not understood is an error and never ignored: a search that found too much would
//! be taken for one that found the right things. Which things a field is known of is the store's
//! affair (`store::search`).

use std::iter::Peekable;
use std::vec::IntoIter;

/// Longest query, in bytes.
const LONGEST: usize = 20_000;
/// Deepest nesting of brackets and negations.
const DEEPEST: usize = 40;

/// A query.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Query {
    /// What is looked for; everything when there is none.
    pub condition: Option<Condition>,
    /// In which order.
    pub order: Vec<(Order, bool)>,
}

/// What is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// All of these hold.
    All(Vec<Self>),
    /// One of these holds.
    Any(Vec<Self>),
    /// This does not hold.
    Not(Box<Self>),
    /// A field is as said.
    Clause(Field, Test),
}

/// What a clause is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Field {
    /// The key, or the id.
    Key,
    /// The project, by key, name or id.
    Project,
    /// What kind of thing it is.
    IssueType,
    /// The version it is made for.
    FixVersion,
    /// The sprint it is in.
    Sprint,
    /// Its labels.
    Labels,
    /// Its status.
    Status,
    /// Its name.
    Summary,
}

/// How a field must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Test {
    /// One of these, or, negated, there and none of them.
    In(Vec<String>, bool),
    /// Holds this text, or, negated, does not.
    Contains(String, bool),
    /// Has no value, or, negated, has one.
    Empty(bool),
    /// Is an open sprint, or, negated, none.
    OpenSprints(bool),
}

/// What results are ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Order {
    /// The key.
    Key,
    /// When it was made.
    Created,
}

/// Why a query is not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JqlError {
    /// It is too long or too deep.
    #[error("the query is too long or too deeply nested")]
    TooMuch,
    /// A quotation mark is missing.
    #[error("a text in the query has no closing quotation mark")]
    OpenText,
    /// Something stands where something else should.
    #[error("`{found}` stands where {expected} should")]
    Unexpected {
        /// What was found; the end, when there is nothing.
        found: String,
        /// What should stand there.
        expected: &'static str,
    },
    /// No field of this name is known.
    #[error(
        "searches here know key, project, issuetype, fixVersion, sprint, labels, status and summary, not `{0}`"
    )]
    Field(String),
    /// The operator says nothing of this field.
    #[error("`{0}` cannot be asked of that field here")]
    Operator(String),
    /// No function of this name is known.
    #[error("searches here know the function openSprints() of sprint, not `{0}`")]
    Function(String),
    /// Results are not ordered by this.
    #[error("results are ordered by key or created here, not by `{0}`")]
    Order(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    /// A word without quotation marks.
    Word(String),
    /// A text in quotation marks.
    Text(String),
    /// A sign.
    Sign(&'static str),
}

impl Token {
    fn shown(&self) -> String {
        match self {
            Self::Word(text) | Self::Text(text) => text.chars().take(80).collect(),
            Self::Sign(sign) => (*sign).to_owned(),
        }
    }
}

/// Reads a query.
///
/// # Errors
///
/// [`JqlError`] says what is not understood.
pub fn parse(text: &str) -> Result<Query, JqlError> {
    if text.len() > LONGEST {
        return Err(JqlError::TooMuch);
    }
    let mut reader = Reader {
        tokens: tokens(text)?.into_iter().peekable(),
    };
    let starts_with_order = reader.is_word("order");
    let condition = match reader.tokens.peek() {
        None => None,
        Some(_) if starts_with_order => None,
        Some(_) => Some(reader.any(0)?),
    };
    let order = reader.order()?;
    match reader.tokens.next() {
        None => Ok(Query { condition, order }),
        Some(token) => Err(JqlError::Unexpected {
            found: token.shown(),
            expected: "AND, OR, ORDER BY or the end",
        }),
    }
}

/// Signs, the longer ones first.
const SIGNS: [&str; 13] = [
    "!=", "!~", "<=", ">=", "&&", "||", "=", "~", "(", ")", ",", "!", "<",
];

fn tokens(text: &str) -> Result<Vec<Token>, JqlError> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        if first == '"' || first == '\'' {
            let (text, after) = quoted(rest, first)?;
            found.push(Token::Text(text));
            rest = after.trim_start();
            continue;
        }
        if let Some(sign) = SIGNS.into_iter().find(|sign| rest.starts_with(sign)) {
            found.push(Token::Sign(sign));
            rest = rest.strip_prefix(sign).unwrap_or_default().trim_start();
            continue;
        }
        let is_end = |c: char| c.is_whitespace() || "=!~(),<>\"'&|".contains(c);
        let length = rest.find(is_end).unwrap_or(rest.len());
        let (word, after) = rest.split_at(length.max(first.len_utf8()));
        found.push(Token::Word(word.to_owned()));
        rest = after.trim_start();
    }
    Ok(found)
}

/// The text in quotation marks that `rest` begins with, and what follows it.
fn quoted(rest: &str, mark: char) -> Result<(String, &str), JqlError> {
    let mut text = String::new();
    let mut chars = rest.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => text.extend(chars.next().map(|(_, c)| c)),
            c if c == mark => {
                let after = rest.get(at + c.len_utf8()..).unwrap_or_default();
                return Ok((text, after));
            }
            c => text.push(c),
        }
    }
    Err(JqlError::OpenText)
}

struct Reader {
    tokens: Peekable<IntoIter<Token>>,
}

impl Reader {
    fn is_word(&mut self, word: &str) -> bool {
        matches!(self.tokens.peek(), Some(Token::Word(found)) if found.eq_ignore_ascii_case(word))
    }

    /// Takes the word or the sign if it comes next.
    fn take(&mut self, word: &str) -> bool {
        let is_sign = matches!(self.tokens.peek(), Some(Token::Sign(sign)) if *sign == word);
        let is_next = is_sign || self.is_word(word);
        if is_next {
            self.tokens.next();
        }
        is_next
    }

    fn unexpected<T>(&mut self, expected: &'static str) -> Result<T, JqlError> {
        let found = self.tokens.next();
        Err(JqlError::Unexpected {
            found: found.map_or_else(|| "the end".to_owned(), |token| token.shown()),
            expected,
        })
    }

    fn demand(&mut self, word: &str, expected: &'static str) -> Result<(), JqlError> {
        if self.take(word) {
            return Ok(());
        }
        self.unexpected(expected)
    }

    fn any(&mut self, depth: usize) -> Result<Condition, JqlError> {
        let mut all = vec![self.all(depth)?];
        while self.take("or") || self.take("||") {
            all.push(self.all(depth)?);
        }
        Ok(joined(all, Condition::Any))
    }

    fn all(&mut self, depth: usize) -> Result<Condition, JqlError> {
        let mut all = vec![self.one(depth)?];
        while self.take("and") || self.take("&&") {
            all.push(self.one(depth)?);
        }
        Ok(joined(all, Condition::All))
    }

    fn one(&mut self, depth: usize) -> Result<Condition, JqlError> {
        if depth > DEEPEST {
            return Err(JqlError::TooMuch);
        }
        if self.take("not") || self.take("!") {
            return Ok(Condition::Not(Box::new(self.one(depth + 1)?)));
        }
        if self.take("(") {
            let inner = self.any(depth + 1)?;
            self.demand(")", "a closing bracket")?;
            return Ok(inner);
        }
        let field = self.field()?;
        Ok(Condition::Clause(field, self.test(field)?))
    }

    fn field(&mut self) -> Result<Field, JqlError> {
        let name = match self.tokens.next() {
            Some(Token::Word(name) | Token::Text(name)) => name,
            Some(token) => {
                return Err(JqlError::Unexpected {
                    found: token.shown(),
                    expected: "a field",
                });
            }
            None => return self.unexpected("a field"),
        };
        Ok(match name.to_lowercase().as_str() {
            "key" | "issuekey" | "issue" | "id" => Field::Key,
            "project" => Field::Project,
            "issuetype" | "type" => Field::IssueType,
            "fixversion" => Field::FixVersion,
            "sprint" => Field::Sprint,
            "labels" => Field::Labels,
            "status" => Field::Status,
            "summary" => Field::Summary,
            _ => return Err(JqlError::Field(name.chars().take(80).collect())),
        })
    }

    fn test(&mut self, field: Field) -> Result<Test, JqlError> {
        if self.take("is") {
            let is_negated = self.take("not");
            if self.take("empty") || self.take("null") {
                return Ok(Test::Empty(is_negated));
            }
            return self.unexpected("EMPTY");
        }
        let is_not = self.take("not");
        if is_not || self.is_word("in") {
            self.demand("in", "IN")?;
            return self.list(field, is_not);
        }
        for (sign, is_negated) in [("!=", true), ("=", false)] {
            if self.take(sign) {
                return self.equals(field, is_negated);
            }
        }
        for (sign, is_negated) in [("!~", true), ("~", false)] {
            if !self.take(sign) {
                continue;
            }
            if field != Field::Summary {
                return Err(JqlError::Operator(sign.to_owned()));
            }
            return Ok(Test::Contains(self.value()?, is_negated));
        }
        match self.tokens.peek() {
            Some(Token::Sign(sign @ ("<" | "<=" | ">="))) => {
                Err(JqlError::Operator((*sign).to_owned()))
            }
            _ => self.unexpected("an operator"),
        }
    }

    fn equals(&mut self, field: Field, is_negated: bool) -> Result<Test, JqlError> {
        if self.is_word("empty") || self.is_word("null") {
            self.tokens.next();
            return Ok(Test::Empty(is_negated));
        }
        if field == Field::Summary {
            return Err(JqlError::Operator("=".to_owned()));
        }
        let value = self.value()?;
        if self.take("(") {
            return Err(JqlError::Function(value));
        }
        Ok(Test::In(vec![value], is_negated))
    }

    fn list(&mut self, field: Field, is_negated: bool) -> Result<Test, JqlError> {
        if field == Field::Summary {
            return Err(JqlError::Operator("IN".to_owned()));
        }
        if !self.take("(") {
            let name = self.value()?;
            self.demand("(", "a list in brackets")?;
            if field != Field::Sprint || !name.eq_ignore_ascii_case("openSprints") {
                return Err(JqlError::Function(name));
            }
            self.demand(")", "a closing bracket")?;
            return Ok(Test::OpenSprints(is_negated));
        }
        let mut values = vec![self.value()?];
        while self.take(",") {
            values.push(self.value()?);
        }
        if self.take("(") {
            return Err(JqlError::Function(values.pop().unwrap_or_default()));
        }
        self.demand(")", "a comma or a closing bracket")?;
        Ok(Test::In(values, is_negated))
    }

    fn value(&mut self) -> Result<String, JqlError> {
        match self.tokens.peek() {
            Some(Token::Word(text) | Token::Text(text)) => {
                let text = text.clone();
                self.tokens.next();
                Ok(text)
            }
            _ => self.unexpected("a value"),
        }
    }

    fn order(&mut self) -> Result<Vec<(Order, bool)>, JqlError> {
        let mut order = Vec::new();
        if !self.take("order") {
            return Ok(order);
        }
        self.demand("by", "BY")?;
        loop {
            let name = self.value()?;
            let by = match name.to_lowercase().as_str() {
                "key" | "issuekey" | "id" => Order::Key,
                "created" => Order::Created,
                _ => return Err(JqlError::Order(name.chars().take(80).collect())),
            };
            let is_descending = self.take("desc");
            if !is_descending {
                self.take("asc");
            }
            order.push((by, is_descending));
            if !self.take(",") {
                return Ok(order);
            }
        }
    }
}

fn joined(mut all: Vec<Condition>, join: fn(Vec<Condition>) -> Condition) -> Condition {
    match (all.len(), all.pop()) {
        (1, Some(only)) => only,
        (_, last) => {
            all.extend(last);
            join(all)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is(field: Field, value: &str) -> Condition {
        Condition::Clause(field, Test::In(vec![value.to_owned()], false))
    }

    #[test]
    fn clauses_are_joined_as_jira_joins_them() {
        let query = parse(
            "project = SHOP and (issuetype = 'Test Plan' OR key in (SHOP-P1, \"SHOP-P2\")) \
             AND NOT fixVersion is not EMPTY order by key DESC, created",
        )
        .unwrap();
        let keys = Test::In(vec!["SHOP-P1".to_owned(), "SHOP-P2".to_owned()], false);
        let either = Condition::Any(vec![
            is(Field::IssueType, "Test Plan"),
            Condition::Clause(Field::Key, keys),
        ]);
        let has_version = Condition::Clause(Field::FixVersion, Test::Empty(true));
        let all = vec![
            is(Field::Project, "SHOP"),
            either,
            Condition::Not(Box::new(has_version)),
        ];
        assert_eq!(query.condition, Some(Condition::All(all)));
        assert_eq!(query.order, [(Order::Key, true), (Order::Created, false)]);
    }

    #[test]
    fn and_binds_stronger_than_or() {
        let query = parse("labels = a OR labels = b AND labels != 'c d'").unwrap();
        let not_c = Condition::Clause(Field::Labels, Test::In(vec!["c d".to_owned()], true));
        let both = Condition::All(vec![is(Field::Labels, "b"), not_c]);
        let either = Condition::Any(vec![is(Field::Labels, "a"), both]);
        assert_eq!(query.condition, Some(either));
    }

    #[test]
    fn sprints_texts_and_nothing_at_all_are_read() {
        let only = |text: &str| parse(text).unwrap().condition.unwrap();
        assert_eq!(
            only("sprint in openSprints()"),
            Condition::Clause(Field::Sprint, Test::OpenSprints(false))
        );
        assert_eq!(
            only(r#"summary ~ "pay \"now\"""#),
            Condition::Clause(
                Field::Summary,
                Test::Contains("pay \"now\"".to_owned(), false)
            )
        );
        assert_eq!(parse("  ").unwrap(), Query::default());
        assert_eq!(parse("ORDER BY key").unwrap().condition, None);
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        let why = |text: &str| parse(text).unwrap_err();
        assert!(matches!(why("assignee = me"), JqlError::Field(name) if name == "assignee"));
        assert!(matches!(
            why("key in testSetTests(X)"),
            JqlError::Function(_)
        ));
        assert!(matches!(
            why("project = currentProject()"),
            JqlError::Function(_)
        ));
        assert!(matches!(why("created >= -1d"), JqlError::Field(_)));
        assert!(matches!(why("key >= SHOP-1"), JqlError::Operator(_)));
        assert!(matches!(why("project ~ SHOP"), JqlError::Operator(_)));
        assert!(matches!(why("key was X"), JqlError::Unexpected { .. }));
        assert!(matches!(
            why("key = X key = Y"),
            JqlError::Unexpected { .. }
        ));
        assert!(matches!(why("(key = X"), JqlError::Unexpected { .. }));
        assert!(matches!(why("key ="), JqlError::Unexpected { .. }));
        assert!(matches!(why("order by priority"), JqlError::Order(_)));
        assert_eq!(why("key = \"X"), JqlError::OpenText);
        assert_eq!(why(&"(".repeat(50)), JqlError::TooMuch);
        assert_eq!(why(&"x".repeat(LONGEST + 1)), JqlError::TooMuch);
    }

    #[test]
    fn no_text_makes_it_panic() {
        for text in [
            "\"", "'é", "é = ü", "=", "a=", "!", "a in (,", "a in ()", "\\", "a ~ \\", "&|",
        ] {
            let _judged = parse(text);
        }
    }
}
