// The OpenAPI 3.1 description that /openapi.json serves: openapi.json of this folder, with what only the running server
// knows filled in (version, names, dimensions, limits, options, keys). Made once, at start.
#pragma once

#include <string>

#include "server/models.h"
#include "server/routes_options.h"

namespace lode::server {

std::string openapi_document(const Models& models, const RoutesOptions& options);

}  // namespace lode::server
