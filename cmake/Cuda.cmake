# CUDA kernels are optional. This version has CPU kernels only; one line says so.

find_program(DDPM_NVCC nvcc)
if(DDPM_NVCC)
  message(STATUS "CUDA left out: nvcc is at ${DDPM_NVCC}, but this version has no CUDA kernels")
else()
  message(STATUS "CUDA left out: nvcc was not found")
endif()
