//! What a site says of itself: where people see it, what Atlassian calls it, and who it was to
//! Connect.

use reqwest::header::ACCEPT;
use serde::Deserialize;
use serde_json::Value;

use super::client::{Call, ERROR_BODY, SiteClient, encoded, read};
use super::error::{Gone, JiraError};

/// The property under which Atlassian keeps a site's client key for apps that move to Forge.
///
/// Source: <https://developer.atlassian.com/platform/adopting-forge-from-connect/migrate-connect-clientkey/>.
const CLIENT_KEY_PROPERTY: &str = "connect_client_key_019cdff3-8bfb-71fe-9628-875b700aebb8";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ServerInfo {
    base_url: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TenantInfo {
    cloud_id: String,
}

#[derive(Deserialize)]
struct Property {
    value: Value,
}

impl SiteClient<'_> {
    /// The address people see the site under.
    pub async fn address_for_people(&self) -> Result<String, JiraError> {
        let call = Call::get("serverInfo", "/rest/api/3/serverInfo".into(), &[]);
        let info: ServerInfo = self.ask(call).await?;
        Ok(info.base_url)
    }

    /// The client key of the site's Connect half; a site that never had one has no such property.
    /// Only a token of Forge may read it.
    pub async fn connect_client_key(&self) -> Result<Option<String>, JiraError> {
        let app = encoded(self.app_key());
        let address =
            format!("/rest/atlassian-connect/1/addons/{app}/properties/{CLIENT_KEY_PROPERTY}");
        let property: Property = match self.ask(Call::get("addons/properties", address, &[])).await
        {
            Err(JiraError::Gone(Gone::NotFound)) => return Ok(None),
            other => other?,
        };
        Ok(client_key(&property))
    }

    /// Atlassian's id of a site that came through Connect. The address needs no token and is not
    /// part of any documented API: whoever asks does without an answer.
    pub async fn cloud_id(&self) -> Result<String, JiraError> {
        let base_url = self.site.base_url.as_deref();
        let base_url = base_url.ok_or(JiraError::Gone(Gone::NotInstalled))?;
        let call = Call::get("tenant_info", "/_edge/tenant_info".into(), &[]);
        let url = self.address(base_url, &call)?;
        let request = self.client.http.get(url).header(ACCEPT, "application/json");
        let answer = request.send().await.map_err(JiraError::of_exchange)?;
        if !answer.status().is_success() {
            return Err(JiraError::Gone(Gone::NotFound));
        }
        let body = read(answer, ERROR_BODY).await?;
        let info: TenantInfo =
            serde_json::from_slice(&body).map_err(|why| JiraError::Unreadable(why.to_string()))?;
        Ok(info.cloud_id)
    }
}

/// The key in a property, which is its value or a member of it: no sample of one is published.
fn client_key(property: &Property) -> Option<String> {
    let held = match &property.value {
        Value::Object(value) => value.get("clientKey")?,
        value => value,
    };
    held.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_key_is_found_in_either_shape_and_nothing_else_is_taken_for_one() {
        for (body, expected) in [
            (r#"{"key":"k","value":"abc"}"#, Some("abc")),
            (r#"{"key":"k","value":{"clientKey":"abc"}}"#, Some("abc")),
            (r#"{"key":"k","value":{"other":"abc"}}"#, None),
            (r#"{"key":"k","value":7}"#, None),
        ] {
            let property = serde_json::from_str(body).unwrap();
            assert_eq!(client_key(&property).as_deref(), expected, "{body}");
        }
    }
}
