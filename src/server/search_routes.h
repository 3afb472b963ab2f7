// POST /v1/search, POST /v1/similar, GET /v1/index and POST /mcp (mcp_route.h): taken on a thread of HTTP, answered by
// one of the search service's. Without a served index they are 404s that say how to have one. Stateless; any thread.
#pragma once

#include "server/route_call.h"
#include "server/route_table.h"

namespace lode::server {

bool is_search_route(Route route);
void answer_search_route(RouteCall call, Route route);

}  // namespace lode::server
