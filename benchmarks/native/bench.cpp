#include "bench.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <limits>
#include <random>
#include <sstream>

namespace ddpm::bench {
namespace {

int selected_device = 0;
bool rounded_operands = false;

}  // namespace

void stop(const std::string& message) {
  std::fprintf(stderr, "error: %s\n", message.c_str());
  std::exit(1);
}

void ok(ddpm_status status) {
  if (status != DDPM_OK) stop(ddpm_last_error());
}

Options parse(int argc, char** argv) {
  Options o;
  o.shapes = DDPM_SHAPES;
  const struct {
    const char* name;
    std::function<void(const std::string&)> set;
  } known[] = {
      {"--op", [&](const std::string& v) { o.op = v; }},
      {"--shape", [&](const std::string& v) { o.shape = v; }},
      {"--isa", [&](const std::string& v) { o.isa = v; }},
      {"--algorithm", [&](const std::string& v) { o.algorithm = v; }},
      {"--precision", [&](const std::string& v) { o.precision = v; }},
      {"--shapes", [&](const std::string& v) { o.shapes = v; }},
      {"--usage", [&](const std::string& v) { o.usage = v; }},
      {"--cuda", [&](const std::string& v) { o.device = 1 + std::atoi(v.c_str()); }},
      {"--threads", [&](const std::string& v) { o.threads = std::atoi(v.c_str()); }},
      {"--seconds", [&](const std::string& v) { o.seconds = std::atof(v.c_str()); }},
      {"--peak", [&](const std::string& v) { o.peak = 1e9 * std::atof(v.c_str()); }},
      {"--flush", [&](const std::string& v) { o.flush = std::atof(v.c_str()); }},
      {"--bandwidth", [&](const std::string& v) { o.bandwidth = 1e9 * std::atof(v.c_str()); }},
  };
  for (int i = 1; i < argc; i += 2) {
    auto option =
        std::find_if(std::begin(known), std::end(known), [&](const auto& k) { return !std::strcmp(k.name, argv[i]); });
    if (option == std::end(known)) stop(std::string("unknown option ") + argv[i]);
    if (i + 1 == argc) stop(std::string(argv[i]) + " needs a value");
    option->set(argv[i + 1]);
  }
  return o;
}

void select(const Options& options) {
  if (!options.isa.empty()) ok(ddpm_set_cpu_isa(options.isa.c_str()));
  ok(ddpm_set_convolution_algorithm(options.algorithm.c_str()));
  ok(ddpm_set_precision(options.precision.c_str()));
  ok(ddpm_set_threads(options.threads));
  ok(ddpm_device_check(options.device));
  selected_device = options.device;
  rounded_operands = options.precision != "float32";
}

Floats random_floats(size_t count) {
  static std::mt19937 random(20200620);
  std::normal_distribution<float> normal;
  Floats values(count);
  for (float& value : values) {
    value = normal(random);
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    if (rounded_operands) bits &= 0xffff0000u;
    std::memcpy(&value, &bits, sizeof bits);
  }
  return values;
}

Buffer::Buffer(size_t count) : count_(static_cast<int64_t>(count)) {
  ok(ddpm_block_allocate(selected_device, count_ * 4, &mem_));
  ok(ddpm_fill(mem_, count_, 0));
}

Buffer::Buffer(const Floats& values) : Buffer(values.size()) { ok(ddpm_copy_from_host(mem_, values.data(), count_)); }

Buffer::~Buffer() { ddpm_block_free(mem_); }

Floats Buffer::get() const {
  Floats values(static_cast<size_t>(count_));
  ok(ddpm_copy_to_host(values.data(), mem_, count_));
  return values;
}

bool Bench::wants(const std::string& op, const std::string& shape) const {
  return op.find(options_.op) != std::string::npos && shape.find(options_.shape) != std::string::npos;
}

void Bench::check(const std::string& what, const Floats& got, const std::vector<double>& truth,
                  const Floats& plain) const {
  double error = 0, plain_error = 0, largest = 0;
  for (size_t i = 0; i < truth.size(); ++i) {
    double difference = std::abs(got[i] - truth[i]);
    error = std::isnan(difference) ? INFINITY : std::max(error, difference);
    plain_error = std::max(plain_error, std::abs(plain[i] - truth[i]));
    largest = std::max(largest, std::abs(truth[i]));
  }
  if (!(error <= 2 * plain_error + largest * std::numeric_limits<float>::epsilon()))
    stop(what + " is wrong by " + std::to_string(error) + ", plain float32 by " + std::to_string(plain_error));
}

void for_shapes(const Options& options, const char* file, size_t numbers,
                const std::function<void(const std::string& name, const std::vector<int>& values)>& visit) {
  std::ifstream lines(options.shapes + "/" + file);
  if (!lines) stop("cannot read " + options.shapes + "/" + file);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string name;
    if (!(words >> name) || name[0] == '#') continue;
    std::vector<int> values;
    for (int value; words >> value;) values.push_back(value);
    if (values.size() != numbers)
      stop(std::string(file) + ": " + name + " must have " + std::to_string(numbers) + " numbers");
    visit(name, values);
  }
}

}  // namespace ddpm::bench
