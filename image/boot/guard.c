// The program that firmware starts (EFI/BOOT/BOOTX64.EFI): it starts systemd-boot, and restarts the machine when the
// entry on trial could not be started (docs/decisions/0009).
//
// systemd-boot 257 returns to the firmware then, which tries its next option and in the end waits for a hand. Its
// successors have "reboot-on-error auto" for that (loader.conf(5), systemd 258), and this program does the same: it
// restarts only when systemd-boot took one of the entry's tries, so the restarts are as many as the tries. Any other
// failure goes back to the firmware.
//
// In C: the calls of UEFI on x86-64 have Microsoft's convention, which Swift can't speak on the targets it has without
// an operating system. Nothing is linked but this file. Names of protocols and fields: UEFI specification 2.10.

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef u64 status;
typedef void *handle;

typedef struct {
    u32 a;
    u16 b, c;
    u8 d[8];
} guid;

// 4.4: EFI_BOOT_SERVICES.
typedef struct {
    u8 header[24];
    void *before_handle_protocol[16];
    status (*handle_protocol)(handle, const guid *, void **);
    void *before_load_image[5];
    status (*load_image)(u8 boot_policy, handle parent, const void *path, const void *source, u64 size, handle *image);
    status (*start_image)(handle image, u64 *exit_data_size, u16 **exit_data);
    void *exit;
    status (*unload_image)(handle image);
    void *before_locate_protocol[11];
    status (*locate_protocol)(const guid *, void *registration, void **interface);
} boot_services;

// 4.5: EFI_RUNTIME_SERVICES.
typedef struct {
    u8 header[24];
    void *before_get_variable[6];
    status (*get_variable)(const u16 *name, const guid *vendor, u32 *attributes, u64 *size, void *data);
    void *before_reset_system[3];
    void (*reset_system)(u32 type, status reason, u64 size, const void *data);
} runtime_services;

// 12.4: EFI_SIMPLE_TEXT_OUTPUT_PROTOCOL.
typedef struct text_output {
    void *reset;
    status (*output_string)(struct text_output *, const u16 *);
} text_output;

// 4.3: EFI_SYSTEM_TABLE.
typedef struct {
    u8 header[24];
    u16 *vendor;
    u32 revision;
    handle input_handle;
    void *input;
    handle output_handle;
    text_output *output;
    handle error_handle;
    text_output *error;
    runtime_services *runtime;
    boot_services *boot;
} system_table;

// 9.1: EFI_LOADED_IMAGE_PROTOCOL.
typedef struct {
    u32 revision;
    handle parent;
    system_table *table;
    handle device;
} loaded_image;

// Platform initialization specification 1.8, volume 2, 12.3: EFI_CPU_ARCH_PROTOCOL.
typedef struct processor {
    void *before_register_interrupt_handler[5];
    status (*register_interrupt_handler)(struct processor *, u64 vector, void (*handler)(u64 vector, void *context));
} processor;

enum {
    success = 0,
    reset_cold = 0,
    media_node = 4,
    file_path_node = 4,
    end_node = 0x7f,
    end_of_path = 0xff,
    node_header = 4,
};

static const status error = 1ULL << 63;
static const status buffer_too_small = error | 5;
static const status load_error = error | 1;

static const guid loaded_image_protocol = {
    0x5b1b31a1, 0x9562, 0x11d2, {0x8e, 0x3f, 0x00, 0xa0, 0xc9, 0x69, 0x72, 0x3b}};
static const guid device_path_protocol = {
    0x09576e91, 0x6d3f, 0x11d2, {0x8e, 0x39, 0x00, 0xa0, 0xc9, 0x69, 0x72, 0x3b}};
static const guid processor_protocol = {
    0x26baccb1, 0x6f42, 0x11d4, {0xbc, 0xe7, 0x00, 0x80, 0xc7, 0x3c, 0x88, 0x81}};
// What systemd-boot calls its variables by (systemd.io/BOOT_LOADER_INTERFACE).
static const guid loader_vendor = {0x4a67b082, 0x0a4c, 0x41cf, {0xb6, 0xc7, 0x44, 0x0b, 0x29, 0xbb, 0x8c, 0x4f}};

#if defined(__x86_64__)
static const u16 loader[] = L"\\EFI\\systemd\\systemd-bootx64.efi";
// Invalid opcode, general protection, page fault.
static const u8 faults[] = {6, 13, 14};
#elif defined(__aarch64__)
static const u16 loader[] = L"\\EFI\\systemd\\systemd-bootaa64.efi";
// Synchronous exception, system error.
static const u8 faults[] = {0, 3};
#endif

static void copy(u8 *to, const void *from, u32 size) {
    for (u32 i = 0; i < size; i++) ((volatile u8 *)to)[i] = ((const u8 *)from)[i];
}

// Writes the path of the loader on a device, given the path of the device.
static status path_of_loader(const u8 *device, u8 *path, u32 capacity) {
    u32 size = 0;
    while (device[size] != end_node) {
        u32 node = device[size + 2] | (u32)device[size + 3] << 8;
        if (node < node_header || node > capacity - size) return load_error;
        copy(path + size, device + size, node);
        size += node;
    }
    const u8 file[node_header] = {media_node, file_path_node, node_header + sizeof loader, 0};
    const u8 end[node_header] = {end_node, end_of_path, node_header, 0};
    _Static_assert(node_header + sizeof loader < 256, "the length of the node is one byte above");
    if (capacity - size < node_header + sizeof loader + node_header) return load_error;
    copy(path + size, file, sizeof file);
    copy(path + size + sizeof file, loader, sizeof loader);
    copy(path + size + sizeof file + sizeof loader, end, sizeof end);
    return success;
}

// Starts the loader from the file system that this program comes from.
static status start_loader(handle self, const boot_services *boot) {
    static u8 path[1024];
    loaded_image *image;
    u8 *device;
    handle started;
    status result = boot->handle_protocol(self, &loaded_image_protocol, (void **)&image);
    if (result != success) return result;
    result = boot->handle_protocol(image->device, &device_path_protocol, (void **)&device);
    if (result != success) return result;
    result = path_of_loader(device, path, sizeof path);
    if (result != success) return result;
    result = boot->load_image(0, self, path, 0, 0, &started);
    if (result != success) {
        // An image that Secure Boot refuses is loaded all the same, to be told about.
        if (result == (error | 26)) boot->unload_image(started);
        return result;
    }
    return boot->start_image(started, 0, 0);
}

// Whether systemd-boot has taken a try of an entry since the machine was started.
static int try_was_taken(const runtime_services *runtime) {
    u64 size = 0;
    return runtime->get_variable(L"LoaderBootCountPath", &loader_vendor, 0, &size, 0) == buffer_too_small;
}

static const system_table *firmware;

// Restarts the machine, if an entry on trial was being started.
static void restart_if_on_trial(void) {
    if (!try_was_taken(firmware->runtime)) return;
    firmware->output->output_string(
        firmware->output, L"The boot entry on trial could not be started. Restarting.\r\n");
    firmware->runtime->reset_system(reset_cold, success, 0, 0);
}

// A fault of the processor while the firmware rules, which would only show it and stop.
static void fault(u64 vector, void *context) {
    (void)vector, (void)context;
    restart_if_on_trial();
    for (volatile int forever = 1; forever;) {}
}

// Takes the faults that nobody else handles. Firmware that does not follow the platform initialization specification
// has no such protocol; then they stay the firmware's.
static processor *take_faults(u8 *taken) {
    processor *cpu;
    if (firmware->boot->locate_protocol(&processor_protocol, 0, (void **)&cpu) != success) return 0;
    for (u32 i = 0; i < sizeof faults; i++)
        taken[i] = cpu->register_interrupt_handler(cpu, faults[i], fault) == success;
    return cpu;
}

// Gives them back, before this program's memory is the firmware's again.
static void give_back_faults(processor *cpu, const u8 *taken) {
    for (u32 i = 0; cpu && i < sizeof faults; i++)
        if (taken[i]) cpu->register_interrupt_handler(cpu, faults[i], 0);
}

status efi_main(handle self, const system_table *table) {
    firmware = table;
    u8 taken[sizeof faults];
    processor *cpu = take_faults(taken);
    status result = start_loader(self, table->boot);
    give_back_faults(cpu, taken);
    if (result != success) restart_if_on_trial();
    return result;
}
