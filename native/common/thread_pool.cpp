#include "common/thread_pool.h"

#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <exception>
#include <memory>
#include <mutex>
#include <new>
#include <thread>
#include <utility>
#include <vector>

#include "common/allocation.h"
#include "common/error.h"
#include "ddpm/device.h"

namespace ddpm {
namespace {

constexpr int kMaxThreads = 1024;
constexpr int kSpins = 4000;  // some 20 microseconds: longer than the gap between two ops, shorter than a wake-up costs

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

thread_local bool inside_loop = false;

struct InsideLoop {
  InsideLoop() { inside_loop = true; }
  ~InsideLoop() { inside_loop = false; }
};

/**
 * The loop that is open to workers: its number, and how many have come in. Who comes late finds it closed, so that the
 * caller never waits for a thread that has yet to wake up.
 */
class Gate {
 public:
  /** The next loop begins; nobody is in. */
  void open() { state_.store((state_.load(std::memory_order_relaxed) / kLoop + 1) * kLoop + kOpen); }

  /** The loop ends for those who are not in. */
  void close() { state_.fetch_and(~kOpen); }

  bool empty() const { return state_.load(std::memory_order_acquire) % kLoop / kOne == 0; }

  /** Whether there is a loop that the caller was not in, whose last one is given. */
  bool has_new(uint64_t last) const {
    uint64_t state = state_.load(std::memory_order_acquire);
    return state % 2 == kOpen && state / kLoop != last;
  }

  /** Comes in if there is such a loop, which becomes the last one. */
  bool enter(uint64_t& last) {
    uint64_t state = state_.load(std::memory_order_acquire);
    while (state % 2 == kOpen && state / kLoop != last)
      if (state_.compare_exchange_weak(state, state + kOne)) {
        last = state / kLoop;
        return true;
      }
    return false;
  }

  void leave() { state_.fetch_sub(kOne, std::memory_order_release); }

 private:
  static constexpr uint64_t kOpen = 1, kOne = 2, kLoop = uint64_t{1} << 16;
  static_assert(kMaxThreads * kOne < kLoop);

  std::atomic<uint64_t> state_{0};
};

/** A contiguous share of a loop. Its owner takes from it in order, idle threads help when their own is empty. */
struct alignas(64) Share {
  std::atomic<int64_t> next{0};
  int64_t end = 0;
};

class Pool {
 public:
  explicit Pool(int threads) : shares_(static_cast<size_t>(threads)) {
    for (int i = 1; i < threads; ++i) workers_.emplace_back([this, i] { work(i); });
  }

  ~Pool() {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    for (std::thread& worker : workers_) worker.join();
  }

  int threads() const { return static_cast<int>(shares_.size()); }

  void run(int64_t tasks, void (*task)(void*, int64_t), void* context) {
    int64_t threads = this->threads();
    for (int64_t i = 0; i < threads; ++i) {
      shares_[i].next.store(tasks * i / threads, std::memory_order_relaxed);
      shares_[i].end = tasks * (i + 1) / threads;
    }
    task_ = task;
    context_ = context;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      gate_.open();
    }
    wake_.notify_all();
    help(0);
    gate_.close();
    while (!gate_.empty()) {
      for (int i = 0; i < kSpins && !gate_.empty(); ++i) pause();
      if (!gate_.empty()) std::this_thread::yield();
    }
    if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
  }

 private:
  void help(int self) {
    InsideLoop inside;
    int threads = this->threads();
    for (int i = 0; i < threads; ++i) {
      Share& share = shares_[(self + i) % threads];
      for (int64_t t = share.next.fetch_add(1); t < share.end; t = share.next.fetch_add(1)) attempt(t);
    }
  }

  /** A task that throws (no memory for scratch) must not end the process: the loop's caller gets the first error. */
  void attempt(int64_t t) {
    try {
      task_(context_, t);
    } catch (...) {
      std::lock_guard<std::mutex> lock(mutex_);
      if (!error_) error_ = std::current_exception();
    }
  }

  void work(int self) {
    uint64_t last = 0;
    for (;;) {
      for (int i = 0; i < kSpins && !gate_.has_new(last); ++i) pause();
      if (!gate_.has_new(last)) {
        std::unique_lock<std::mutex> lock(mutex_);
        wake_.wait(lock, [&] { return stopping_ || gate_.has_new(last); });
        if (stopping_) return;
      }
      if (!gate_.enter(last)) continue;
      help(self);
      gate_.leave();
    }
  }

  std::vector<Share> shares_;
  std::vector<std::thread> workers_;
  std::mutex mutex_;
  std::condition_variable wake_;
  Gate gate_;
  bool stopping_ = false;
  void (*task_)(void*, int64_t) = nullptr;
  void* context_ = nullptr;
  std::exception_ptr error_;
};

std::mutex pool_mutex;  // held while a loop runs
std::unique_ptr<Pool>& pool() {
  // Never destroyed: worker threads must not outlive what they use when the process exits.
  static auto* instance = new std::unique_ptr<Pool>();
  return *instance;
}
std::atomic<int> threads_wanted{0};

int default_threads() {
  unsigned cores = std::thread::hardware_concurrency();
  return cores == 0 ? 1 : static_cast<int>(cores > kMaxThreads ? kMaxThreads : cores);
}

struct Buffer {
  void* data = nullptr;
  size_t bytes = 0;
  ~Buffer() { std::free(data); }
};
thread_local Buffer buffers[kScratchSlots];

}  // namespace

int thread_count() {
  int wanted = threads_wanted.load();
  return wanted == 0 ? default_threads() : wanted;
}

void set_thread_count(int threads) {
  if (threads < 1 || threads > kMaxThreads)
    fail(DDPM_INVALID_ARGUMENT, "threads is %d, expected 1 to %d", threads, kMaxThreads);
  std::lock_guard<std::mutex> lock(pool_mutex);
  threads_wanted = threads;
  pool().reset();
}

void parallel_for(int64_t tasks, void (*task)(void*, int64_t), void* context) {
  if (inside_loop) {
    for (int64_t i = 0; i < tasks; ++i) task(context, i);
    return;
  }
  std::lock_guard<std::mutex> lock(pool_mutex);
  if (!pool()) pool() = std::make_unique<Pool>(thread_count());
  if (tasks == 1 || pool()->threads() == 1) {
    InsideLoop inside;
    for (int64_t i = 0; i < tasks; ++i) task(context, i);
  } else if (tasks > 0) {
    pool()->run(tasks, task, context);
  }
}

void* thread_scratch(int slot, size_t bytes) {
  Buffer& buffer = buffers[slot];
  if (buffer.bytes < bytes) {
    std::free(buffer.data);
    buffer.bytes = 0;
    buffer.data = allocate_aligned(bytes);
    if (buffer.data == nullptr) throw std::bad_alloc();
    buffer.bytes = bytes;
  }
  return buffer.data;
}

}  // namespace ddpm

extern "C" {
int32_t ddpm_threads(void) { return ddpm::thread_count(); }
ddpm_status ddpm_set_threads(int32_t threads) {
  return ddpm::guard([&] { ddpm::set_thread_count(threads); });
}
}
