// A CUDA driver, NVRTC and cuBLASLt without a GPU: the entry points that Loupe uses, for the kernels compiled in below.
// Streams are queues that run only when something waits for them, as late as a GPU may; memory begins as no number and has
// guards that are checked when it is freed.
#include "shim.hpp"

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "step.cuh"
#include "device.cuh"
#include "rule.cuh"
#include "sources.inc"

namespace {

using std::size_t;
using Ptr = unsigned long long;

constexpr int OK = 0, INVALID = 1, NO_MEMORY = 2, NOT_FOUND = 500;
constexpr size_t GUARD = 256;

std::recursive_mutex lock;
using Hold = std::lock_guard<std::recursive_mutex>;

struct Stream;

struct Event {
    Stream* stream = nullptr;
    unsigned long long number = 0;
};

struct Stream {
    std::deque<std::function<void()>> waiting;
    unsigned long long added = 0, run = 0;

    void add(std::function<void()> work) {
        waiting.push_back(std::move(work));
        added++;
    }

    void until(unsigned long long number) {
        while (run < number && !waiting.empty()) {
            auto work = std::move(waiting.front());
            waiting.pop_front();
            run++;
            work();
        }
    }
};

Stream null_stream;
std::map<Stream*, std::unique_ptr<Stream>> streams;
std::map<Ptr, size_t> memory;
size_t used = 0, limit = size_t(1) << 34;
long damaged = 0, launches = 0;
std::map<int, int> attributes = {{75, 9}, {76, 0}, {16, 4}, {97, 227 << 10}, {38, 16 << 10}};

Stream* stream_of(void* s) { return s == nullptr ? &null_stream : static_cast<Stream*>(s); }

void all() {
    null_stream.until(null_stream.added);
    for (auto& s : streams) {
        s.first->until(s.first->added);
    }
}

using Bind = std::function<void()> (*)(void**, shim::Dim, shim::Dim, size_t);

template <class... A, size_t... I>
std::function<void()> unpacked(
        void (*kernel)(A...), void** p, shim::Dim g, shim::Dim b, size_t shared, std::index_sequence<I...>) {
    auto arguments = std::make_shared<std::tuple<A...>>(*static_cast<A*>(p[I])...);
    return [=] { shim::run([&] { std::apply(kernel, *arguments); }, g, b, shared); };
}

template <class... A>
std::function<void()> prepared(void (*kernel)(A...), void** p, shim::Dim g, shim::Dim b, size_t shared) {
    return unpacked(kernel, p, g, b, shared, std::index_sequence_for<A...>());
}

template <auto K>
std::function<void()> bound(void** p, shim::Dim g, shim::Dim b, size_t shared) {
    return prepared(K, p, g, b, shared);
}

struct Kernel {
    const char* name;
    Bind bind;
    long launches = 0;
};

Kernel kernels[] = {
#include "kernels.inc"
};

} // namespace

extern "C" {

// ------------------------------------------------------------------------------------------------ what tests ask for
void loupe_fake_seed(unsigned long long s) { shim::seed = s; }
void loupe_fake_memory(size_t bytes) { limit = bytes; }
void loupe_fake_attribute(int which, int value) { attributes[which] = value; }
long loupe_fake_damaged() { return damaged; }
long loupe_fake_launches() { return launches; }
long loupe_fake_launched(const char* name) {
    for (Kernel& k : kernels) {
        if (std::strcmp(k.name, name) == 0) {
            return k.launches;
        }
    }
    return -1;
}
size_t loupe_fake_used() { return used; }
long loupe_fake_step_size() { return sizeof(Step); }

// ------------------------------------------------------------------------------------------------ driver
int cuInit(unsigned) { return OK; }
int cuDriverGetVersion(int* v) { *v = 13000; return OK; }
int cuDeviceGetCount(int* n) { *n = 1; return OK; }
int cuDeviceGet(int* d, int i) { *d = i; return i == 0 ? OK : 101; }
int cuDeviceGetName(char* name, int size, int) { std::snprintf(name, size, "Paper GPU"); return OK; }
int cuDeviceGetAttribute(int* v, int which, int) { *v = attributes[which]; return OK; }
int cuDeviceTotalMem_v2(size_t* b, int) { *b = limit; return OK; }
int cuDevicePrimaryCtxRetain(void** c, int) { *c = &lock; return OK; }
int cuDevicePrimaryCtxRelease_v2(int) { return OK; }
int cuCtxSetCurrent(void*) { return OK; }
int cuGetErrorName(int e, const char** s) { *s = e == NO_MEMORY ? "CUDA_ERROR_OUT_OF_MEMORY" : "CUDA_ERROR"; return OK; }
int cuGetErrorString(int e, const char** s) { *s = e == NO_MEMORY ? "out of memory" : "an error"; return OK; }

int cuMemGetInfo_v2(size_t* free, size_t* total) {
    Hold h(lock);
    *free = limit > used ? limit - used : 0;
    *total = limit;
    return OK;
}

int cuMemAlloc_v2(Ptr* at, size_t bytes) {
    Hold h(lock);
    if (bytes == 0) {
        return INVALID;
    }
    if (used + bytes > limit) {
        return NO_MEMORY;
    }
    size_t all = (bytes + 2 * GUARD + 255) / 256 * 256;
    auto raw = static_cast<unsigned char*>(std::aligned_alloc(256, all));
    std::memset(raw, 0xff, all);
    std::memset(raw, 0x5a, GUARD);
    std::memset(raw + GUARD + bytes, 0x5a, GUARD);
    *at = reinterpret_cast<Ptr>(raw + GUARD);
    memory[*at] = bytes;
    used += bytes;
    return OK;
}

int cuMemFree_v2(Ptr at) {
    Hold h(lock);
    auto found = memory.find(at);
    if (found == memory.end()) {
        return INVALID;
    }
    all();
    auto raw = reinterpret_cast<unsigned char*>(at) - GUARD;
    bool whole = true;
    for (size_t i = 0; i < GUARD; i++) {
        whole = whole && raw[i] == 0x5a && raw[GUARD + found->second + i] == 0x5a;
    }
    damaged += whole ? 0 : 1;
    used -= found->second;
    memory.erase(found);
    std::free(raw);
    return OK;
}

int cuMemHostAlloc(void** at, size_t bytes, unsigned) {
    *at = std::aligned_alloc(4096, (bytes + 4095) / 4096 * 4096);
    std::memset(*at, 0xff, bytes);
    return OK;
}

int cuMemFreeHost(void* at) {
    Hold h(lock);
    all();
    std::free(at);
    return OK;
}

int cuMemcpyHtoDAsync_v2(Ptr to, const void* from, size_t bytes, void* s) {
    Hold h(lock);
    stream_of(s)->add([=] { std::memcpy(reinterpret_cast<void*>(to), from, bytes); });
    return OK;
}

int cuMemcpyDtoHAsync_v2(void* to, Ptr from, size_t bytes, void* s) {
    Hold h(lock);
    stream_of(s)->add([=] { std::memcpy(to, reinterpret_cast<void*>(from), bytes); });
    return OK;
}

int cuMemcpyDtoDAsync_v2(Ptr to, Ptr from, size_t bytes, void* s) {
    Hold h(lock);
    stream_of(s)->add([=] { std::memcpy(reinterpret_cast<void*>(to), reinterpret_cast<void*>(from), bytes); });
    return OK;
}

int cuMemsetD8Async(Ptr at, unsigned char v, size_t bytes, void* s) {
    Hold h(lock);
    stream_of(s)->add([=] { std::memset(reinterpret_cast<void*>(at), v, bytes); });
    return OK;
}

int cuStreamCreate(void** s, unsigned) {
    Hold h(lock);
    auto made = std::make_unique<Stream>();
    *s = made.get();
    streams[made.get()] = std::move(made);
    return OK;
}

int cuStreamDestroy_v2(void* s) {
    Hold h(lock);
    stream_of(s)->until(stream_of(s)->added);
    streams.erase(stream_of(s));
    return OK;
}

int cuStreamSynchronize(void* s) {
    Hold h(lock);
    stream_of(s)->until(stream_of(s)->added);
    return OK;
}

int cuEventCreate(void** e, unsigned) { *e = new Event(); return OK; }
int cuEventDestroy_v2(void* e) { delete static_cast<Event*>(e); return OK; }

int cuEventRecord(void* e, void* s) {
    Hold h(lock);
    auto event = static_cast<Event*>(e);
    event->stream = stream_of(s);
    event->number = event->stream->added;
    return OK;
}

int cuEventSynchronize(void* e) {
    Hold h(lock);
    auto event = static_cast<Event*>(e);
    if (event->stream != nullptr) {
        event->stream->until(event->number);
    }
    return OK;
}

int cuStreamWaitEvent(void* s, void* e, unsigned) {
    Hold h(lock);
    Event event = *static_cast<Event*>(e);
    if (event.stream != nullptr) {
        stream_of(s)->add([=] { event.stream->until(event.number); });
    }
    return OK;
}

int cuEventElapsedTime(float* ms, void*, void*) { *ms = 1; return OK; }
int cuEventElapsedTime_v2(float* ms, void*, void*) { *ms = 1; return OK; }

int cuModuleLoadData(void** m, const void* image) {
    *m = const_cast<void*>(image);
    return std::memcmp(image, "paper", 5) == 0 ? OK : 200;
}

int cuModuleUnload(void*) { return OK; }

int cuModuleGetFunction(void** f, void*, const char* name) {
    for (Kernel& k : kernels) {
        if (std::strcmp(k.name, name) == 0) {
            *f = &k;
            return OK;
        }
    }
    return NOT_FOUND;
}

int cuFuncSetAttribute(void*, int, int) { return OK; }

int cuLaunchKernel(
        void* f,
        unsigned gx,
        unsigned gy,
        unsigned gz,
        unsigned bx,
        unsigned by,
        unsigned bz,
        unsigned shared,
        void* s,
        void** p,
        void**) {
    Hold h(lock);
    if (gx == 0 || gy == 0 || gz == 0) {
        return INVALID;
    }
    launches++;
    static_cast<Kernel*>(f)->launches++;
    stream_of(s)->add(static_cast<Kernel*>(f)->bind(p, {gx, gy, gz}, {bx, by, bz}, shared));
    return OK;
}

// ------------------------------------------------------------------------------------------------ NVRTC
int nvrtcVersion(int* major, int* minor) { *major = 13; *minor = 0; return OK; }
const char* nvrtcGetErrorString(int) { return "an error"; }
int nvrtcCreateProgram(void** p, const char*, const char*, int, const char* const*, const char* const*) { *p = &lock; return OK; }
int nvrtcDestroyProgram(void**) { return OK; }
int nvrtcCompileProgram(void*, int, const char* const*) { return OK; }
int nvrtcGetProgramLogSize(void*, size_t* n) { *n = 1; return OK; }
int nvrtcGetProgramLog(void*, char* log) { *log = 0; return OK; }
int nvrtcGetNumSupportedArchs(int* n) { *n = 2; return OK; }
int nvrtcGetSupportedArchs(int* a) { a[0] = 80; a[1] = 90; return OK; }
int nvrtcGetPTXSize(void*, size_t* n) { *n = 6; return OK; }
int nvrtcGetPTX(void*, char* image) { std::memcpy(image, "paper", 6); return OK; }
int nvrtcGetCUBINSize(void*, size_t* n) { *n = 6; return OK; }
int nvrtcGetCUBIN(void*, char* image) { std::memcpy(image, "paper", 6); return OK; }

#include "cublaslt.inc"
}
