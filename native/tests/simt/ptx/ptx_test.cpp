// The reading and running of PTX, on small programs.
#include <cmath>

#include "common/error.h"
#include "harness.h"
#include "simt/memory.h"
#include "simt/numbers.h"
#include "simt/ptx/program.h"

namespace ddpm::simt::ptx {
namespace {

/** A kernel with places for inputs, which loads `words` of them for each thread, does `body` and stores %r0. */
std::string kernel_of(const std::string& body, const std::string& before = "") {
  return ".version 8.0\n.target sm_80\n.address_size 64\n" + before + R"(
.visible .entry f(.param .u64 f_param_0, .param .u64 f_param_1)
{
  .reg .pred %p<8>;
  .reg .b16 %rs<8>;
  .reg .b32 %r<16>;
  .reg .f32 %f<8>;
  .reg .b64 %rd<16>;
  .reg .f64 %fd<8>;
  ld.param.u64 %rd1, [f_param_0];
  ld.param.u64 %rd2, [f_param_1];
  mov.u32 %r15, %tid.x;
  mul.wide.u32 %rd3, %r15, 16;
  add.s64 %rd1, %rd1, %rd3;
  mul.wide.u32 %rd4, %r15, 4;
  add.s64 %rd2, %rd2, %rd4;
  ld.global.v4.u32 {%r1, %r2, %r3, %r4}, [%rd1];
  mov.b32 %f1, %r1; mov.b32 %f2, %r2; mov.b32 %f3, %r3;
)" + body +
         R"(
  st.global.u32 [%rd2], %r0;
  ret;
}
)";
}

/** What a warp's threads store for these inputs, four to a thread. */
std::vector<uint32_t> run_all(const std::string& ptx, std::vector<uint32_t> in) {
  in.resize(4 * kWarp);
  Module module(split("test.ptx", ptx));
  auto* from = static_cast<uint32_t*>(allocate(in.size() * 4));
  auto* to = static_cast<uint32_t*>(allocate(kWarp * 4));
  std::copy(in.begin(), in.end(), from);
  run("f", dim3(1), dim3(kWarp), 0, body_of(*module.find("f"), {{&from, sizeof from}, {&to, sizeof to}}));
  std::vector<uint32_t> out(to, to + kWarp);
  release(from);
  release(to);
  return out;
}

uint32_t result(const std::string& body, std::vector<uint32_t> in, const std::string& before = "") {
  return run_all(kernel_of(body, before), std::move(in))[0];
}

float float_result(const std::string& body, float a, float b = 0, float c = 0) {
  return float_of(result(body + " mov.b32 %r0, %f0;", {bits_of(a), bits_of(b), bits_of(c)}));
}

TEST(refuses_what_it_does_not_know) {
  auto message = [](const std::string& ptx) -> std::string {
    try {
      Module module(split("test.ptx", ptx));
    } catch (const Error& error) {
      return error.message;
    }
    return "";
  };
  CHECK(message(kernel_of("")).empty());
  CHECK(message(".version 8.0\n.visible .entry f()\n{\n  .reg .b32 %r<3>;\n  wgmma.fence;\n}\n") ==
        "test.ptx:5: unknown instruction 'wgmma.fence'");
  CHECK(message(kernel_of("add.sat.s32 %r0, %r1, %r2;")).find("unknown instruction 'add.sat.s32'") !=
        std::string::npos);
  CHECK(message(kernel_of("add.s32 %r0, %r1, %x;")).find("unknown operand '%x'") != std::string::npos);
  CHECK(message(kernel_of("bra nowhere;")).find("unknown label 'nowhere'") != std::string::npos);
  CHECK(message(kernel_of("call.uni g, (f_param_0);")).find("unknown function 'g'") != std::string::npos);
}

TEST(whole_numbers) {
  CHECK(result("sub.s32 %r0, %r1, %r2;", {3, 5}) == uint32_t(-2));
  CHECK(result("mad.lo.s32 %r0, %r1, %r2, %r3;", {0x10001, 0x10001, 7}) == 0x20008);
  CHECK(result("mul.hi.s32 %r0, %r1, %r2;", {uint32_t(-3), 5}) == uint32_t(-1));
  CHECK(result("mul.hi.u32 %r0, %r1, %r2;", {uint32_t(-3), 5}) == 4);
  CHECK(result("div.s32 %r0, %r1, %r2;", {uint32_t(-7), 2}) == uint32_t(-3));
  CHECK(result("rem.s32 %r0, %r1, %r2;", {uint32_t(-7), 2}) == uint32_t(-1));
  CHECK(result("max.s32 %r0, %r1, %r2;", {uint32_t(-7), 2}) == 2);
  CHECK(result("max.u32 %r0, %r1, %r2;", {uint32_t(-7), 2}) == uint32_t(-7));
  CHECK(result("mul.wide.s32 %rd5, %r1, %r2; shr.s64 %rd5, %rd5, 1; cvt.u32.u64 %r0, %rd5;", {uint32_t(-7), 2}) ==
        uint32_t(-7));
  CHECK(result("cvt.s8.s32 %r0, %r1;", {0x1f0}) == uint32_t(-16));
  CHECK(result("cvt.sat.u8.s32 %r0, %r1;", {0x1f0}) == 255);
}

TEST(bits) {
  CHECK(result("shl.b32 %r0, %r1, %r2;", {1, 32}) == 0);
  CHECK(result("shr.s32 %r0, %r1, %r2;", {0x80000000, 40}) == ~0u);
  CHECK(result("shf.l.wrap.b32 %r0, %r1, %r2, %r3;", {0x80000001, 0x12345678, 36}) == 0x23456788);
  CHECK(result("shf.r.clamp.b32 %r0, %r1, %r2, %r3;", {0x80000001, 0x12345678, 36}) == 0x12345678);
  CHECK(result("bfe.u32 %r0, %r1, 4, 8;", {0x12345678}) == 0x67);
  CHECK(result("bfe.s32 %r0, %r1, 12, 4;", {0xdcba9876}) == uint32_t(-7));
  CHECK(result("bfi.b32 %r0, %r1, %r2, 8, 4;", {0xfa, 0}) == 0xa00);
  CHECK(result("prmt.b32 %r0, %r1, %r2, 0x4f10;", {0x33228011, 0x77665544}) == 0x44008011);
  CHECK(result("lop3.b32 %r0, %r1, %r2, %r3, 0x96;", {0xf0f0, 0xff00, 0xaaaa}) == (0xf0f0 ^ 0xff00 ^ 0xaaaa));
  CHECK(result("clz.b32 %r0, %r1;", {0x00010000}) == 15);
  CHECK(result("brev.b32 %r0, %r1;", {1}) == 0x80000000);
  CHECK(result("bfind.s32 %r0, %r1;", {uint32_t(-9)}) == 3);
  CHECK(result("mov.b64 %rd5, {%r1, %r2}; mov.b64 {%r5, %r0}, %rd5;", {1, 2}) == 2);
  CHECK(result("mov.b32 {%rs1, %rs2}, %r1; cvt.u32.u16 %r0, %rs2;", {0x12345678}) == 0x1234);
}

TEST(numbers_with_a_fraction) {
  CHECK(float_result("fma.rn.f32 %f0, %f1, %f2, %f3;", 1 + 0x1p-12f, 1 - 0x1p-12f, -1) == -0x1p-24f);
  // 1 + 2^-24 is between two floats.
  CHECK(float_result("add.rm.f32 %f0, %f1, %f2;", 1, 0x1p-24f) == 1);
  CHECK(float_result("add.rp.f32 %f0, %f1, %f2;", 1, 0x1p-24f) == 1 + 0x1p-23f);
  CHECK(float_result("add.f32 %f0, %f1, %f2;", 0x1p-130f, 0) == 0x1p-130f);
  CHECK(float_result("add.ftz.f32 %f0, %f1, %f2;", 0x1p-130f, 0) == 0);
  CHECK(std::signbit(float_result("mul.ftz.f32 %f0, %f1, %f2;", -0x1p-100f, 0x1p-30f)));
  CHECK(float_result("add.sat.f32 %f0, %f1, %f2;", 1, 1) == 1);
  CHECK(float_result("max.f32 %f0, %f1, %f2;", NAN, 2) == 2);
  CHECK(std::isnan(float_result("max.NaN.f32 %f0, %f1, %f2;", NAN, 2)));
  CHECK(float_result("ex2.approx.ftz.f32 %f0, %f1;", -3) == 0.125f);
  CHECK(float_result("rsqrt.approx.f32 %f0, %f1;", 16) == 0.25f);
  CHECK(float_result("cvt.f64.f32 %fd1, %f1; add.f64 %fd1, %fd1, 0d3FF0000000000000; cvt.rn.f32.f64 %f0, %fd1;", 2) ==
        3);
}

TEST(conversions) {
  CHECK(result("cvt.rni.s32.f32 %r0, %f1;", {bits_of(2.5f)}) == 2);
  CHECK(result("cvt.rzi.s32.f32 %r0, %f1;", {bits_of(-2.5f)}) == uint32_t(-2));
  CHECK(result("cvt.rmi.s32.f32 %r0, %f1;", {bits_of(-2.5f)}) == uint32_t(-3));
  CHECK(result("cvt.rzi.s32.f32 %r0, %f1;", {bits_of(3e9f)}) == 0x7fffffff);
  CHECK(result("cvt.rzi.u32.f32 %r0, %f1;", {bits_of(-1.0f)}) == 0);
  CHECK(result("cvt.rzi.s32.f32 %r0, %f1;", {bits_of(NAN)}) == 0);
  CHECK(float_result("cvt.rz.f32.u32 %f0, %r1;", float_of(0xffffffff)) == 0x1.fffffep31f);
  // To the nearest, to even; the first source is the upper half.
  CHECK(result("cvt.rn.bf16x2.f32 %r0, %f1, %f2;", {0x3f808000, 0x3f818000}) == 0x3f803f82);
  CHECK(result("cvt.rn.f16x2.f32 %r0, %f1, %f2;", {bits_of(1 + 0x1p-11f), bits_of(-65520.0f)}) == 0x3c00fc00);
  // Away from 0.
  CHECK(result("cvt.rna.tf32.f32 %r0, %f1;", {0x3f801000}) == 0x3f802000);
}

TEST(comparisons) {
  auto holds = [](const std::string& comparison, float a, float b) {
    return result("setp." + comparison + ".f32 %p1, %f1, %f2; selp.b32 %r0, 1, 0, %p1;", {bits_of(a), bits_of(b)}) == 1;
  };
  CHECK(holds("lt", 1, 2) && !holds("lt", 2, 2) && holds("le", 2, 2));
  CHECK(!holds("ne", NAN, 2) && holds("neu", NAN, 2) && !holds("ge", NAN, 2) && holds("geu", NAN, 2));
  CHECK(holds("nan", NAN, 2) && !holds("num", NAN, 2) && holds("num", 1, 2));
  CHECK(result("setp.lt.s32 %p1, %r1, 0; setp.lt.and.s32 %p2|%p3, %r2, 0, !%p1; selp.b32 %r0, 1, 0, %p2;",
               {5, uint32_t(-1)}) == 1);
  CHECK(result("setp.lt.u32 %p1, %r1, 9; @!%p1 bra $L; mov.u32 %r0, 1; bra $M; $L: mov.u32 %r0, 2; $M:", {10}) == 2);
}

TEST(shuffles_as_the_manual_has_them) {
  std::vector<uint32_t> in(4 * kWarp);
  for (uint32_t l = 0; l < kWarp; ++l) in[4 * l] = 100 + l;
  // Segments of 8 lanes: the mask of segments is 24, the last lane that may be read 7, or 0 going up.
  std::vector<uint32_t> down = run_all(kernel_of("shfl.sync.down.b32 %r0|%p1, %r1, 3, 6151, -1;"), in);
  std::vector<uint32_t> up = run_all(kernel_of("shfl.sync.up.b32 %r0, %r1, 3, 6144, -1;"), in);
  std::vector<uint32_t> lane = run_all(kernel_of("shfl.sync.idx.b32 %r0, %r1, 10, 6151, -1;"), in);
  std::vector<uint32_t> across = run_all(kernel_of("shfl.sync.bfly.b32 %r0, %r1, 16, 31, -1;"), in);
  for (uint32_t l = 0; l < kWarp; ++l) {
    CHECK(down[l] == 100 + (l % 8 + 3 < 8 ? l + 3 : l));
    CHECK(up[l] == 100 + (l % 8 >= 3 ? l - 3 : l));
    CHECK(lane[l] == 100 + l / 8 * 8 + 2);
    CHECK(across[l] == 100 + (l ^ 16));
  }
}

TEST(calls_tables_and_variables) {
  const std::string before = R"(
.const .align 4 .b8 table[12] = {1, 0, 0, 0, 2, 0, 0, 0, 4, 3, 2, 1};
.func (.param .b32 func_retval0) twice(.param .b32 twice_param_0)
;
.func (.param .b32 func_retval0) twice(.param .b32 twice_param_0)
{
  .reg .b32 %r<3>;
  ld.param.u32 %r1, [twice_param_0];
  add.s32 %r2, %r1, %r1;
  st.param.b32 [func_retval0], %r2;
  ret;
}
)";
  CHECK(result(R"({ .param .b32 param0; st.param.b32 [param0], %r1; .param .b32 retval0;
                   call.uni (retval0), twice, (param0); ld.param.b32 %r0, [retval0]; })",
               {21}, before) == 42);
  CHECK(result("ld.const.u32 %r0, [table+8];", {}, before) == 0x01020304);
  CHECK(result("mov.u64 %rd5, table; cvta.const.u64 %rd6, %rd5; ld.u32 %r0, [%rd6+4];", {}, before) == 2);
  CHECK(result(".local .align 8 .b8 depot[16]; mov.u64 %rd5, depot; st.local.u32 [%rd5+8], %r1; "
               "ld.local.u32 %r0, [%rd5+8];",
               {7}) == 7);
  CHECK(result(".shared .align 4 .b8 s[128]; mov.u32 %r5, s; shl.b32 %r6, %r15, 2; add.s32 %r5, %r5, %r6; "
               "st.shared.u32 [%r5], %r1; ld.shared.u32 %r0, [%r5];",
               {9}) == 9);
}

}  // namespace
}  // namespace ddpm::simt::ptx
