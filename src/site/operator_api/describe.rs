//! The description of the operator API (OpenAPI 3.1), made from the routes themselves.
//!
//! A route names the role that it needs as a scope of the security scheme `token`, and the gate obeys that: what
//! is written there is what holds.

use super::body::ErrorBody;
use super::routes;
use crate::access::Role;
use std::collections::BTreeMap;
use utoipa::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};

/// The name of the security scheme.
const SCHEME: &str = "token";

#[derive(OpenApi)]
#[openapi(
    info(
        title = "understudy operator API",
        description = "On the unix socket of `understudy serve`, where no token is needed, and over TLS where \
                       `[operator_api]` of `site.toml` says so. A scope of the scheme `token` is the least role \
                       that may use the route: read, operate, admin."
    ),
    components(schemas(ErrorBody))
)]
pub struct Description;

/// The description.
pub fn openapi() -> utoipa::openapi::OpenApi {
    let mut document = routes::router().split_for_parts().1;
    let mut bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer);
    bearer = bearer.description(Some("made by `understudy token new`"));
    let components = document.components.get_or_insert_default();
    components.add_security_scheme(SCHEME, SecurityScheme::Http(bearer.build()));
    for item in document.paths.paths.values_mut() {
        let methods = [&mut item.get, &mut item.put, &mut item.post, &mut item.delete, &mut item.patch];
        for operation in methods.into_iter().flatten() {
            operation.responses.responses.insert("default".to_owned(), refusal());
        }
    }
    document
}

/// As the tree holds it and `understudy serve --openapi` prints it.
#[cfg(test)]
fn text() -> String {
    serde_json::to_string_pretty(&openapi()).expect("a description is plain JSON") + "\n"
}

fn refusal() -> utoipa::openapi::RefOr<utoipa::openapi::Response> {
    use utoipa::openapi::{ContentBuilder, Ref, ResponseBuilder};
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("ErrorBody"))).build();
    let text = "Refused: 401 without a good token, 403 without the role, 429 after too many wrong tokens, \
                503 while the site cannot store anything";
    ResponseBuilder::new().description(text).content("application/json", content).build().into()
}

/// Which role each route needs, by method and path as the description writes them. A route that names none is
/// not here, and nobody may use it.
pub fn roles() -> BTreeMap<(String, String), Role> {
    let document = serde_json::to_value(openapi()).expect("a description is plain JSON");
    let mut roles = BTreeMap::new();
    for (path, methods) in document["paths"].as_object().into_iter().flatten() {
        for (method, operation) in methods.as_object().into_iter().flatten() {
            let role = operation["security"][0][SCHEME][0].as_str().and_then(|role| role.parse().ok());
            roles.extend(role.map(|role| ((method.to_uppercase(), path.clone()), role)));
        }
    }
    roles
}

#[cfg(test)]
mod tests {
    use super::*;
    use understudy_core::base::fs;

    /// Catches an API that changed without its description in the tree.
    #[test]
    fn the_description_in_the_tree_is_what_the_code_says() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("operator_api/openapi.json");
        let kept = fs::read_text(&path).unwrap_or_default();
        let lines = kept.lines().map(Some).chain(std::iter::repeat(None));
        let text = text();
        let changed = text.lines().zip(lines).position(|(new, old)| old != Some(new));
        assert!(
            kept == text,
            "src/site/operator_api/openapi.json is not what the code says, from line {} on; run: \
             understudy serve --openapi > src/site/operator_api/openapi.json",
            changed.map_or(text.lines().count(), |line| line) + 1
        );
    }

    #[test]
    fn every_route_names_a_role() {
        let document = serde_json::to_value(openapi()).unwrap();
        let routes: usize = document["paths"]
            .as_object()
            .unwrap()
            .values()
            .map(|methods| methods.as_object().unwrap().len())
            .sum();
        assert_eq!(roles().len(), routes, "a route without `security((\"token\" = [...]))` is nobody's");
    }
}
