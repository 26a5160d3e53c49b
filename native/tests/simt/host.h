#pragma once
#include <functional>

/** Streams, events and graphs on the engine; cuda/host.h has what is done with them. */
namespace ddpm::simt {

struct StreamState;
struct EventState;
struct GraphState;

/**
 * Has work done in the order of a stream: not before something waits for it, so that a wait that is missing shows. With
 * a stream that is null, and no device selected, at once.
 */
void enqueue(StreamState* stream, std::function<void()> work);

}  // namespace ddpm::simt

namespace ddpm::cuda {
using Stream = simt::StreamState*;
using Event = simt::EventState*;
using Graph = simt::GraphState*;
}  // namespace ddpm::cuda
