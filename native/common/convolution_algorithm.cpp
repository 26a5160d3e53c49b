// The choice between direct convolution and Winograd's.
#include "common/convolution_algorithm.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "common/error.h"
#include "ddpm/convolution.h"

namespace ddpm {
namespace {

const char* const names[] = {"auto", "direct", "winograd2", "winograd4"};
constexpr int kAuto = 0, kModes = 4;
std::atomic<int> mode{kAuto};

/** Height, width, depth and columns. */
using Shape = std::array<int32_t, 4>;
using Table = std::map<Shape, ConvolutionAlgorithm>;

/** What auto looks shapes up in; null without a table. Exchanged as a whole, never changed. */
std::shared_ptr<const Table> table;
std::mutex table_mutex;

std::shared_ptr<const Table> current_table() {
  std::lock_guard<std::mutex> lock(table_mutex);
  return table;
}

/** Shapes that the thread notes, if it does. */
struct Notes {
  bool taken = false;
  std::vector<Shape> shapes;
};
thread_local Notes notes;

/** The number of a mode's name. */
int mode_of(const char* name) {
  for (int i = 0; i < kModes; ++i)
    if (name != nullptr && std::strcmp(name, names[i]) == 0) return i;
  fail(DDPM_INVALID_ARGUMENT, "convolution algorithm is '%s', expected auto, direct, winograd2 or winograd4",
       name == nullptr ? "null" : name);
}

/** The table of rows [height,width,depth,columns,tile]; throws DDPM_INVALID_ARGUMENT for rows that make no sense. */
std::shared_ptr<const Table> table_of(const int32_t* rows, int32_t count) {
  if (rows == nullptr || count < 0)
    fail(DDPM_INVALID_ARGUMENT, "convolution table has %d rows at %s", count, rows == nullptr ? "null" : "an address");
  auto made = std::make_shared<Table>();
  for (int32_t i = 0; i < count; ++i, rows += 5) {
    Shape shape{rows[0], rows[1], rows[2], rows[3]};
    if (*std::min_element(shape.begin(), shape.end()) < 1 || (rows[4] != 0 && rows[4] != 2 && rows[4] != 4))
      fail(
          DDPM_INVALID_ARGUMENT,
          "convolution table has the row %d x %d, %d to %d channels, tile %d; expected sizes from 1 and tile 0, 2 or 4",
          rows[0], rows[1], rows[2], rows[3], rows[4]);
    (*made)[shape] = static_cast<ConvolutionAlgorithm>(rows[4] / 2);
  }
  return made;
}

/** The choice where nothing was measured. */
ConvolutionAlgorithm by_rule(int64_t height, int64_t width, int64_t depth, int64_t columns) {
  // With fewer channels than this the transforms cost what they save. In pictures below 4 x 4, most of a window is
  // outside, which the direct products leave out.
  if (depth < 16 || columns < 16 || height < 4 || width < 4) return ConvolutionAlgorithm::kDirect;
  // Weights transformed for 4 x 4 take 2.25 times the memory of those for 2 x 2, and reading them is what a small
  // picture costs in a small batch: at 4 x 4 with 256 channels, F(4 x 4) takes 2.7 times as long with one image and 0.8
  // times with 16. From four tiles on it is level or ahead.
  int64_t fours = ((height + 3) / 4) * ((width + 3) / 4), twos = ((height + 1) / 2) * ((width + 1) / 2);
  return fours >= 4 && fours * 36 < twos * 16 ? ConvolutionAlgorithm::kWinograd4 : ConvolutionAlgorithm::kWinograd2;
}

}  // namespace

ConvolutionAlgorithm convolution_algorithm(int64_t height, int64_t width, int64_t depth, int64_t columns) {
  Shape shape{static_cast<int32_t>(height), static_cast<int32_t>(width), static_cast<int32_t>(depth),
              static_cast<int32_t>(columns)};
  if (notes.taken && std::find(notes.shapes.begin(), notes.shapes.end(), shape) == notes.shapes.end())
    notes.shapes.push_back(shape);
  int chosen = mode;
  if (chosen != kAuto) return static_cast<ConvolutionAlgorithm>(chosen - 1);
  if (auto measured = current_table()) {
    auto found = measured->find(shape);
    if (found != measured->end()) return found->second;
  }
  return by_rule(height, width, depth, columns);
}

}  // namespace ddpm

extern "C" {

const char* ddpm_convolution_algorithm(void) { return ddpm::names[ddpm::mode]; }

ddpm_status ddpm_set_convolution_algorithm(const char* name) {
  return ddpm::guard([&] { ddpm::mode = ddpm::mode_of(name); });
}

ddpm_status ddpm_set_convolution_table(const int32_t* rows, int32_t count) {
  return ddpm::guard([&] {
    std::shared_ptr<const ddpm::Table> next = count == 0 ? nullptr : ddpm::table_of(rows, count);
    std::lock_guard<std::mutex> lock(ddpm::table_mutex);
    ddpm::table.swap(next);
  });
}

const char* ddpm_convolution_choice(int32_t height, int32_t width, int32_t depth, int32_t columns) {
  return ddpm::names[1 + static_cast<int>(ddpm::convolution_algorithm(height, width, depth, columns))];
}

void ddpm_note_convolutions(void) { ddpm::notes = {true, {}}; }

int32_t ddpm_noted_convolutions(int32_t* rows, int32_t capacity) {
  auto shapes = std::move(ddpm::notes.shapes);
  ddpm::notes = {};
  int32_t written = std::min(capacity, static_cast<int32_t>(shapes.size()));
  for (int32_t i = 0; i < written; ++i) rows = std::copy(shapes[i].begin(), shapes[i].end(), rows);
  return static_cast<int32_t>(shapes.size());
}
}
