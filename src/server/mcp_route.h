// POST /mcp: the Model Context Protocol over HTTP as its "streamable HTTP" transport has it, without sessions and
// without streams: a message a request, its answer as JSON, 202 where there is none; GET is a 405. A page of another
// origin is refused unless --cors names it or it is on this machine: a browser would let any site ask by a name that it
// has pointed here. Stateless; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "server/route_call.h"

namespace lode::server {

// The service is there.
void answer_mcp(RouteCall call);

// Of a header Origin; "" is who sends none, and no browser.
bool is_trusted_origin(std::string_view origin, const std::vector<std::string>& allowed);

}  // namespace lode::server
