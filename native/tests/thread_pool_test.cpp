// Loops over threads: every task once, whoever comes late, and errors that reach the caller.
#include "common/thread_pool.h"

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "harness.h"

using namespace ddpm::test;

namespace {

/** As many threads as a test asks for, for as long as it lives. */
struct Threads {
  int before = ddpm_threads();
  explicit Threads(int threads) { OK(ddpm_set_threads(threads)); }
  ~Threads() { (void)ddpm_set_threads(before); }
};

/** Runs loops of few tasks, and checks that each task ran once and was done when its loop returned. */
void run_loops(int loops, int most_tasks, int64_t pause_every) {
  std::vector<std::atomic<int>> runs(static_cast<size_t>(most_tasks));
  for (int loop = 0; loop < loops; ++loop) {
    int tasks = loop % most_tasks + 1;
    for (auto& count : runs) count = 0;
    ddpm::parallel_for(tasks, [&](int64_t i) { runs[static_cast<size_t>(i)] += 1; });
    for (int i = 0; i < most_tasks; ++i) CHECK(runs[static_cast<size_t>(i)] == (i < tasks ? 1 : 0));
    // Long enough for the workers to fall asleep: the next loop is over before they wake up.
    if (loop % pause_every == 0) std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
}

}  // namespace

TEST(every_task_runs_once) {
  for (int threads : {1, 2, 3, 8}) {
    Threads set(threads);
    run_loops(3000, 9, 50);
  }
}

TEST(callers_take_turns) {
  Threads set(3);
  std::vector<std::thread> callers;
  for (int i = 0; i < 3; ++i) callers.emplace_back([] { run_loops(1000, 5, 100); });
  for (std::thread& caller : callers) caller.join();
}

TEST(a_loop_inside_a_task_runs_in_place) {
  Threads set(2);
  std::atomic<int> runs{0};
  ddpm::parallel_for(4, [&](int64_t) {
    std::thread::id self = std::this_thread::get_id();
    ddpm::parallel_for(3, [&](int64_t) { runs += std::this_thread::get_id() == self ? 1 : 0; });
  });
  CHECK(runs == 12);
}

TEST(an_error_reaches_the_caller_after_all_tasks) {
  for (int threads : {1, 2, 4}) {
    Threads set(threads);
    for (int i = 0; i < 200; ++i) {
      std::string caught;
      try {
        ddpm::parallel_for(8, [&](int64_t task) {
          if (task == i % 8) throw std::runtime_error("task");
        });
      } catch (const std::runtime_error& e) {
        caught = e.what();
      }
      CHECK(caught == "task");
      run_loops(3, 4, 10);
    }
  }
}
