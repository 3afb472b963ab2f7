#include "server/http.h"

#include <algorithm>
#include <exception>
#include <system_error>
#include <thread>
#include <utility>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <fmt/format.h>

#include "base/log.h"
#include "server/http_core.h"
#include "server/tls.h"

namespace lode::server {

namespace {

// What a thread of the server does until the end; a handler that throws costs its connection, not the thread.
void run(asio::io_context& io) {
  const auto until_stopped = asio::make_work_guard(io);
  while (true) {
    try {
      io.run();
      return;
    } catch (const std::exception& e) {
      log::error("a connection failed: {}", e.what());
    }
  }
}

std::deque<asio::io_context> make_contexts(int n) {
  constexpr int kOneThread = 1;  // runs it; others may post to it
  std::deque<asio::io_context> contexts;
  for (int i = 0; i < std::max(1, n); ++i) contexts.emplace_back(kOneThread);
  return contexts;
}

}  // namespace

HttpCore::HttpCore(HttpOptions o, Handler h)
    : options(std::move(o)),
      handler(std::move(h)),
      longest_nap(std::min({options.idle_timeout, options.header_timeout, options.stall_timeout})),
      contexts(make_contexts(options.n_io_threads)),
      workers(static_cast<size_t>(std::max(1, options.n_worker_threads))) {}

void HttpCore::add(Socket socket, const tcp::endpoint& from) {
  error_code ec;
  socket.set_option(tcp::no_delay(true), ec);
  auto connection = tls ? tls_connection(shared_from_this(), std::move(socket), from)
                        : plain_connection(shared_from_this(), std::move(socket), from);
  {
    const std::scoped_lock lock(mutex);
    connections.insert(connection);
  }
  connection->start();
}

// True when there are as many connections as there may be; remove() then calls accept() again.
bool HttpCore::wait_for_place() {
  const std::scoped_lock lock(mutex);
  full = options.max_connections > 0 && connections.size() >= options.max_connections;
  return full;
}

void HttpCore::accept() {
  if (!acceptor.is_open() || wait_for_place()) return;
  // Handlers of the io_context hold the core weakly, for the io_context is in it.
  acceptor.async_accept(next_strand(), peer, [weak = weak_from_this()](error_code ec, Socket socket) {
    const auto core = weak.lock();
    if (!core || ec == asio::error::operation_aborted) return;
    if (!ec) {
      core->accept_failed = false;
      core->add(std::move(socket), core->peer);
      core->accept();
      return;
    }
    if (!std::exchange(core->accept_failed, true)) log::warn("new connections have to wait: {}", ec.message());
    core->accept_pause.expires_after(kAcceptPause);
    core->accept_pause.async_wait([weak](error_code) {
      if (const auto again = weak.lock()) again->accept();
    });
  });
}

// Takes the connections that the kernel has already accepted for us first: closing the listener would reset them.
void HttpCore::stop_listening() {
  error_code ec;
  acceptor.non_blocking(true, ec);
  while (!ec) {
    Socket socket(next_strand());
    tcp::endpoint from;
    acceptor.accept(socket, from, ec);
    if (!ec) add(std::move(socket), from);
  }
  acceptor.close(ec);
  accept_pause.cancel();
  // Behind the last accept handler, which may have a connection to add.
  asio::post(acceptor.get_executor(), [this] {
    const std::scoped_lock lock(mutex);
    listening = false;
    changed.notify_all();
  });
}

bool HttpCore::begin_request() {
  const std::scoped_lock lock(mutex);
  ++n_busy;
  if (draining) return false;
  ++n_busy_accepted;
  return true;
}

void HttpCore::end_request(bool before_drain) {
  const std::scoped_lock lock(mutex);
  --n_busy;
  if (before_drain) --n_busy_accepted;
  if (draining) changed.notify_all();
}

Respond HttpCore::admit(Request& request, Respond respond) noexcept {
  if (!options.admit) return respond;
  try {
    return options.admit(request, std::move(respond));
  } catch (const std::exception& e) {
    log::error("a request could not be admitted: {}", e.what());  // its Respond answers as it goes
  }
  return {};
}

void HttpCore::tell_refused(const EarlyRefusal& refusal, Response& response) noexcept {
  try {
    if (options.on_refused) options.on_refused(refusal, response);
  } catch (const std::exception& e) {
    log::error("what follows a refusal failed: {}", e.what());
  }
}

void HttpCore::remove(const std::shared_ptr<Connection>& connection) {
  const std::scoped_lock lock(mutex);
  connections.erase(connection);
  changed.notify_all();
  if (!std::exchange(full, false)) return;
  asio::post(acceptor.get_executor(), [weak = weak_from_this()] {
    if (const auto core = weak.lock()) core->accept();
  });
}

HttpServer::HttpServer(std::shared_ptr<HttpCore> core) : core_(std::move(core)) {}
HttpServer::~HttpServer() {
  stop(milliseconds(0));
}
uint16_t HttpServer::port() const {
  return core_->endpoint.port();
}

std::string HttpServer::url() const {
  const auto address = core_->endpoint.address();
  const std::string host = address.is_v6() ? fmt::format("[{}]", address.to_string()) : address.to_string();
  return fmt::format("{}://{}:{}", core_->tls ? "https" : "http", host, port());
}

size_t HttpServer::n_connections() const {
  const std::scoped_lock lock(core_->mutex);
  return core_->connections.size();
}

Result<std::unique_ptr<HttpServer>> HttpServer::listen(const HttpOptions& options, Handler handler) {
  auto core = std::make_shared<HttpCore>(options, std::move(handler));
  if (options.tls) {
    LODE_ASSIGN(core->tls, make_tls_context(*options.tls));
  }
  error_code ec;
  auto address = asio::ip::make_address(options.host, ec);
  if (ec) {
    const auto found = tcp::resolver(core->contexts.front()).resolve(options.host, "", tcp::resolver::passive, ec);
    if (ec || found.empty()) {
      return fail(Code::io, fmt::format("cannot listen on host '{}': {}", options.host, ec.message()),
                  "Give --host an address of this machine, such as 127.0.0.1 or 0.0.0.0.");
    }
    address = found.begin()->endpoint().address();
  }
  const tcp::endpoint endpoint(address, options.port);
  core->acceptor.open(endpoint.protocol(), ec);
  if (!ec) core->acceptor.set_option(tcp::acceptor::reuse_address(true), ec);
  if (!ec) core->acceptor.bind(endpoint, ec);
  if (!ec) core->acceptor.listen(asio::socket_base::max_listen_connections, ec);
  if (ec) {
    const bool taken = ec == asio::error::address_in_use;
    return fail(Code::io,
                fmt::format("cannot listen on {}:{}: {}", options.host, options.port,
                            taken ? "the port is already in use" : ec.message()),
                taken ? "Choose another with --port (0 takes a free one), or stop what listens there."
                      : "Check --host and --port.");
  }
  core->endpoint = core->acceptor.local_endpoint(ec);
  core->accept();
  try {
    for (asio::io_context& io : core->contexts) core->threads.emplace_back([&io] { run(io); });
  } catch (const std::system_error& e) {
    for (asio::io_context& io : core->contexts) io.stop();
    for (std::thread& thread : core->threads) thread.join();
    core->threads.clear();
    return fail(Code::io, fmt::format("cannot start a thread: {}", e.what()),
                "There is too little memory, or a limit on threads (ulimit -u, -v).");
  }
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(core)));
}

bool HttpServer::stop(milliseconds drain_timeout) {
  if (core_->threads.empty()) return true;
  const auto deadline = steady_clock::now() + drain_timeout;
  std::unique_lock lock(core_->mutex);
  core_->draining = true;
  for (const auto& connection : core_->connections) connection->drain();
  const bool answered = core_->changed.wait_until(lock, deadline, [&] { return core_->n_busy_accepted == 0; });
  lock.unlock();

  // On the acceptor's own executor; this function outlasts it, so a bare pointer will do.
  asio::post(core_->acceptor.get_executor(), [core = core_.get()] { core->stop_listening(); });

  // The stragglers: requests that came during the drain, and connections that still linger.
  lock.lock();
  auto quiet_since = steady_clock::now();
  while ((core_->listening || !core_->connections.empty()) && steady_clock::now() < deadline) {
    if (core_->n_busy > 0) quiet_since = steady_clock::now();
    if (steady_clock::now() - quiet_since > kQuietTimeout) break;
    core_->changed.wait_for(lock, milliseconds(10));
  }
  for (const auto& connection : core_->connections) connection->abort();
  core_->changed.wait_for(lock, milliseconds(200), [&] { return core_->connections.empty(); });
  lock.unlock();

  core_->workers.stop();
  core_->workers.join();
  for (asio::io_context& io : core_->contexts) io.stop();
  for (std::thread& thread : core_->threads) thread.join();
  core_->threads.clear();
  return answered;
}

}  // namespace lode::server
