#include "server/http_call.h"

#include <exception>

#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>

#include "base/log.h"
#include "server/api_error.h"
#include "server/http_core.h"

namespace lode::server {

void Delivery::end(const Sent& sent) noexcept {
  const auto on_sent = std::exchange(on_sent_, {});
  if (!on_sent) return;
  try {
    on_sent(sent);
  } catch (const std::exception& e) {
    log::error("what follows an answer failed: {}", e.what());
  }
}

Made make_guarded(MakeResponse& make) {
  Response response;
  try {
    response = make();
  } catch (const std::exception& e) {
    log::error("an answer could not be made: {}", e.what());
    response = error_response({.code = Code::internal, .message = "The answer could not be made", .hint = {}});
  }
  Delivery delivery(std::exchange(response.on_sent, {}));
  return {std::move(response), std::move(delivery)};
}

void answer(std::shared_ptr<Call> call, MakeResponse make) {
  // The server's own thread may be tearing it down: hold it while posting, and let go of the connection first.
  const auto core = call->core.lock();
  if (!core) return;
  auto connection = call->connection.lock();
  if (!connection) {
    auto make_for_nobody = [call = std::move(call), m = std::move(make)]() mutable {
      make_guarded(m).delivery.end({.status = call->left_with});
    };
    asio::post(core->workers, std::move(make_for_nobody));
    return;
  }
  const Strand strand = connection->strand();
  if (call->large) {
    asio::post(core->workers,
               [c = std::move(connection), call = std::move(call), m = std::move(make), strand]() mutable {
                 Made made = make_guarded(m);
                 asio::post(strand, [c = std::move(c), call = std::move(call), made = std::move(made)]() mutable {
                   c->answer(call, std::move(made));
                 });
               });
  } else {
    asio::dispatch(strand, [c = std::move(connection), call = std::move(call), m = std::move(make)]() mutable {
      c->answer(call, make_guarded(m));
    });
  }
}

Ticket::~Ticket() {
  use([] { return error_response({.code = Code::internal, .message = "The request got no answer", .hint = {}}); });
}

}  // namespace lode::server
