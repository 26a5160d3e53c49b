#include "simt/trace.h"

#include <cstdio>
#include <cstdlib>
#include <map>
#include <set>
#include <tuple>
#include <unordered_set>
#include <utility>

#include "simt/memory.h"
#include "simt/ptx/kernels.h"

namespace ddpm::simt {

std::string (*describe_line)(const std::string&, int) = nullptr;
uint64_t tensor_products = 0, thread_products = 0;

namespace {

constexpr uint64_t kBanks = 32, kBankBytes = 4, kPassBytes = kBanks * kBankBytes, kSectorBytes = 32;

/** What the lanes of a warp access together. */
struct Request {
  unsigned lanes = 0;
  uint64_t at[kWarp];
};

/** A line of a kernel as its threads pass it. */
struct Site {
  std::map<int, uint64_t> passed;                          // times, by thread
  std::map<std::pair<int, uint64_t>, Request> unfinished;  // by warp and time
};

using Key = std::tuple<std::string, std::string, int, Way, size_t, bool>;

struct Trace {
  bool enabled = std::getenv("SIMT_TRACE") != nullptr, runs = true;
  std::map<Key, Site> sites;  // of the block
  std::map<Key, Traffic> traffic;
  std::set<std::tuple<std::string, const void*, unsigned, size_t>> launches;
  std::unordered_set<uint64_t> words;  // that were copied to the block
  uint64_t moved = 0;
  std::map<std::string, Work> work;
};

Trace& all() {
  static Trace t;
  return t;
}

/** Passes over the banks for a group of lanes: as many as words of the fullest bank. */
uint64_t passes(const Request& request, size_t bytes, int first, int lanes) {
  std::map<uint64_t, bool> words;
  for (int l = first; l < first + lanes; ++l)
    for (uint64_t b = 0; (request.lanes >> l & 1) != 0 && b < bytes; b += kBankBytes)
      words[(request.at[l] + b) / kBankBytes] = true;
  uint64_t count[kBanks] = {}, most = 0;
  for (const auto& word : words) most = std::max(most, ++count[word.first % kBanks]);
  return most;
}

void count(const Request& request, Traffic& to) {
  size_t bytes = to.bytes;
  ++to.requests;
  if (to.shared) {
    // A pass serves 128 bytes at most, so of wide accesses some lanes at a time.
    int lanes = static_cast<int>(std::min<uint64_t>(kWarp, kPassBytes / bytes));
    for (int first = 0; first < kWarp; first += lanes) {
      uint64_t needed = passes(request, bytes, first, lanes);
      to.cost += needed;
      to.least += needed > 0;
    }
    return;
  }
  std::map<uint64_t, uint32_t> sectors;  // and their bytes
  for (int l = 0; l < kWarp; ++l)
    for (uint64_t b = 0; (request.lanes >> l & 1) != 0 && b < bytes; ++b)
      sectors[(request.at[l] + b) / kSectorBytes] |= 1u << (request.at[l] + b) % kSectorBytes;
  uint64_t accessed = 0;
  for (const auto& sector : sectors) accessed += static_cast<uint64_t>(__builtin_popcount(sector.second));
  to.cost += sectors.size();
  to.least += (accessed + kSectorBytes - 1) / kSectorBytes;
}

Traffic& traffic_of(const Key& key) {
  auto [entry, is_new] = all().traffic.try_emplace(key);
  Traffic& t = entry->second;
  if (is_new) std::tie(t.kernel, t.file, t.line, t.way, t.bytes, t.shared) = key;
  return t;
}

/** Prints the table when the program ends. */
struct Table {
  ~Table() {
    if (std::getenv("SIMT_TRACE") == nullptr) return;
    static const char* const ways[] = {"load", "store", "ldmatrix", "copy to", "copy from"};
    std::printf("%-28s %-48s %-9s %5s %-6s %10s %10s %10s %7s\n", "kernel", "line", "access", "bytes", "memory",
                "requests", "cost", "least", "factor");
    for (const Traffic& t : traffic()) {
      std::string line = t.file.substr(t.file.find_last_of('/') + 1) + ":" + std::to_string(t.line);
      if (describe_line != nullptr) line += " " + describe_line(t.file, t.line);
      std::printf("%-28s %-48s %-9s %5zu %-6s %10llu %10llu %10llu %7.2f\n", t.kernel.c_str(), line.c_str(),
                  ways[static_cast<int>(t.way)], t.bytes, t.shared ? "shared" : "device",
                  static_cast<unsigned long long>(t.requests), static_cast<unsigned long long>(t.cost),
                  static_cast<unsigned long long>(t.least), t.factor());
    }
  }
};

}  // namespace

void start_trace() {
  all().enabled = true;
  all().traffic.clear();
  all().launches.clear();
  all().work.clear();
}

std::vector<Traffic> traffic() {
  std::vector<Traffic> list;
  for (const auto& entry : all().traffic) list.push_back(entry.second);
  return list;
}

std::vector<Launch> launches() {
  std::vector<Launch> list;
  for (const auto& [name, kernel, threads, shared_bytes] : all().launches)
    list.push_back({name, ptx::name_of(kernel), threads, shared_bytes});
  return list;
}

void run_no_kernels(bool none) { all().runs = !none; }

bool trace_launch(const char* name, const void* kernel, unsigned threads, size_t shared_bytes) {
  if (all().enabled) all().launches.insert({name, kernel, threads, shared_bytes});
  return all().runs;
}

std::map<std::string, Work> work() { return all().work; }

void trace(const void* at, size_t bytes, Way way, const Line& line) {
  Trace& t = all();
  if (!t.enabled) return;
  static Table table;
  bool shared = is_shared(at);
  auto place = reinterpret_cast<uint64_t>(at);
  if (way == Way::kCopyFrom) {
    t.moved += bytes;
    for (uint64_t b = 0; b < bytes; b += kBankBytes) t.words.insert((place + b) / kBankBytes);
  }
  if (shared) place -= reinterpret_cast<uint64_t>(shared_base());
  Key key{kernel_name(), line.file, line.number, way, bytes, shared};
  Site& site = t.sites[key];
  uint64_t time = site.passed[now.index]++;
  auto request = site.unfinished.try_emplace({now.index / kWarp, time}).first;
  request->second.lanes |= 1u << now.lane();
  request->second.at[now.lane()] = place;
  if (request->second.lanes != kWholeWarp) return;
  count(request->second, traffic_of(key));
  site.unfinished.erase(request);
}

void trace_block() {
  for (const auto& [key, site] : all().sites)
    for (const auto& request : site.unfinished) count(request.second, traffic_of(key));
  all().sites.clear();
  uint64_t on_tensor_cores = std::exchange(tensor_products, 0), on_threads = std::exchange(thread_products, 0);
  if (!all().enabled) return;
  Work& work = all().work[kernel_name()];
  work.moved += std::exchange(all().moved, 0);
  work.least += kBankBytes * all().words.size();
  all().words.clear();
  work.by_tensor_cores += on_tensor_cores;
  work.by_threads += on_threads;
}

}  // namespace ddpm::simt
