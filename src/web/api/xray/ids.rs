//! The ids of our things in this interface: clients know Jira's, which are numbers written as text.
//! Ours are the same, only longer: the row's UUID as a decimal number.

use uuid::Uuid;

/// The id of a thing, as it is answered.
#[must_use]
pub fn of(id: Uuid) -> String {
    id.as_u128().to_string()
}

/// The thing that a client means by an id.
#[must_use]
pub fn read(text: &str) -> Option<Uuid> {
    text.trim().parse().ok().map(Uuid::from_u128)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_leads_back_to_its_thing() {
        let id = Uuid::from_u128(0x0193_5f3a_7b2c_7def_8123_4567_89ab_cdef);
        assert!(of(id).bytes().all(|byte| byte.is_ascii_digit()));
        assert_eq!(read(&of(id)), Some(id));
        assert_eq!(read("SHOP-T1"), None);
    }
}
