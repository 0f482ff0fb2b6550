/*
 * A process that holds what a Linux guest on Hyper-V holds: the structs by their names and in their order, with the members that count.
 * Its per-CPU variables are where the kernel's are, at a per-CPU pointer plus __per_cpu_offset[cpu], so that what walks a kernel walks it.
 * All that a debugger prints of it is at the same address on every machine.
 *
 *     guest PAGE PAGE     files with the message pages of CPU 0 and 1; 2 is offline, 3 has none, 4 one that is not in memory, 5 one that is empty
 *
 * -DPARAVISOR: SynIC pages as confidential guests have them, of the hypervisor and of the paravisor. -DBEFORE_PERCPU: as Linux before 4.11.
 */
#define _GNU_SOURCE
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;

#define NR_CPUS 8
#define PAGE 4096
#define __packed __attribute__((packed))

/* The interface of the hypervisor. */

#define HV_SYNIC_SINT_COUNT 16

union hv_port_id {
    u32 asu32;
    struct {
        u32 id : 24;
        u32 reserved : 8;
    } u;
};

union hv_message_flags {
    u8 asu8;
    struct {
        u8 msg_pending : 1;
        u8 reserved : 7;
    };
};

struct hv_message_header {
    u32 message_type;
    u8 payload_size;
    union hv_message_flags message_flags;
    u8 reserved[2];
    union {
        u64 sender;
        union hv_port_id port;
    };
} __packed;

struct hv_message {
    struct hv_message_header header;
    union {
        u64 payload[30];
    } u;
} __packed;

struct hv_message_page {
    struct hv_message sint_message[HV_SYNIC_SINT_COUNT];
} __packed;

union hv_synic_event_flags {
    unsigned long flags[256 / sizeof(long)];
};

struct hv_synic_event_flags_page {
    union hv_synic_event_flags sintevent_flags[HV_SYNIC_SINT_COUNT];
};

union hv_synic_sint {
    u64 as_uint64;
    struct {
        u64 vector : 8;
        u64 reserved1 : 8;
        u64 masked : 1;
        u64 auto_eoi : 1;
        u64 polling : 1;
        u64 reserved2 : 45;
    } __packed;
};

union hv_synic_simp {
    u64 as_uint64;
    struct {
        u64 simp_enabled : 1;
        u64 preserved : 11;
        u64 base_simp_gpa : 52;
    } __packed;
};

/* What the kernel has of its own. */

struct list_head {
    struct list_head *next, *prev;
};

struct tasklet_struct {
    struct tasklet_struct *next;
    unsigned long state;
    int count;
    bool use_callback;
    void (*callback)(struct tasklet_struct *);
    unsigned long data;
};

struct cpumask {
    unsigned long bits[1];
};

struct cpumask __cpu_possible_mask = {{0x3f}};
struct cpumask __cpu_present_mask = {{0x3f}};
struct cpumask __cpu_online_mask = {{0x3b}}; /* all but 2 */
unsigned int nr_cpu_ids = 6;
unsigned long __per_cpu_offset[NR_CPUS];

/* drivers/hv/hyperv_vmbus.h */

struct hv_per_cpu_context {
#ifdef PARAVISOR
    void *hyp_synic_message_page;
    void *hyp_synic_event_page;
    void *para_synic_message_page;
    void *para_synic_event_page;
#else
    void *synic_message_page;
    void *synic_event_page;
#endif
    void *post_msg_page;
    struct tasklet_struct msg_dpc;
};

struct hv_context {
    u64 guestid;
#ifdef BEFORE_PERCPU
    void *hypercall_page;
    void *tsc_page;
    bool synic_initialized;
    void *synic_message_page[NR_CPUS];
    void *synic_event_page[NR_CPUS];
#else
    struct hv_per_cpu_context *cpu_context;
    struct cpumask *hv_numa_map;
#endif
};

enum vmbus_connect_state { DISCONNECTED, CONNECTING, CONNECTED, DISCONNECTING };

struct vmbus_connection {
    u32 msg_conn_id;
    int offer_in_progress;
    enum vmbus_connect_state conn_state;
    int next_gpadl_handle;
    void *int_page;
    void *send_int_page;
    void *recv_int_page;
    void *monitor_pages[2];
    struct list_head chn_msg_list;
    int channelmsg_lock;
    struct list_head chn_list;
};

/* include/linux/hyperv.h */

typedef struct {
    u8 b[16];
} guid_t;

struct hv_ring_buffer {
    u32 write_index;
    u32 read_index;
    u32 interrupt_mask;
    u32 pending_send_sz;
    u32 reserved1[12];
    union {
        struct {
            u32 feat_pending_send_sz : 1;
        };
        u32 value;
    } feature_bits;
    u8 reserved2[PAGE - 68];
    u8 buffer[];
} __packed;

struct hv_ring_buffer_info {
    struct hv_ring_buffer *ring_buffer;
    u32 ring_size;
    int ring_lock;
    u32 ring_datasize;
    u32 priv_read_index;
};

enum vmbus_channel_state { CHANNEL_OFFER_STATE, CHANNEL_OPENING_STATE, CHANNEL_OPEN_STATE, CHANNEL_OPENED_STATE };

struct vmbus_channel_message_header {
    u32 msgtype;
    u32 padding;
} __packed;

struct vmbus_channel_offer {
    guid_t if_type;
    guid_t if_instance;
    u64 reserved1;
    u64 reserved2;
    u16 chn_flags;
    u16 mmio_megabytes;
    u8 user_def[120];
    u16 sub_channel_index;
    u16 reserved3;
} __packed;

struct vmbus_channel_offer_channel {
    struct vmbus_channel_message_header header;
    struct vmbus_channel_offer offer;
    u32 child_relid;
    u8 monitorid;
    u8 monitor_allocated : 1;
    u8 reserved : 7;
    u16 is_dedicated_interrupt : 1;
    u16 reserved1 : 15;
    u32 connection_id;
} __packed;

struct vmbus_channel {
    struct list_head listentry;
    void *device_obj;
    enum vmbus_channel_state state;
    struct vmbus_channel_offer_channel offermsg;
    u8 monitor_grp;
    u8 monitor_bit;
    bool rescind;
    struct hv_ring_buffer_info outbound;
    struct hv_ring_buffer_info inbound;
    u32 target_cpu;
    struct list_head sc_list;
    struct vmbus_channel *primary_channel;
};

/* What is in memory. */

#define GUID(a, b, c, ...) {{a & 0xff, a >> 8 & 0xff, a >> 16 & 0xff, a >> 24 & 0xff, b & 0xff, b >> 8, c & 0xff, c >> 8, __VA_ARGS__}}

static const guid_t nic = GUID(0xf8615163u, 0xdf3e, 0x46c5, 0x91, 0x3f, 0xf2, 0xd2, 0xf9, 0x65, 0xed, 0x0e);
static const guid_t scsi = GUID(0xba6163d9u, 0x04a1, 0x4d29, 0xb6, 0x05, 0x72, 0xe2, 0xff, 0xb1, 0xdc, 0x7f);
static const guid_t kvp = GUID(0xa9a0f4e7u, 0x5a45, 0x4d96, 0xb8, 0x27, 0x8a, 0x84, 0x1e, 0x8c, 0x03, 0xe6);
static const guid_t unknown = GUID(0x12345678u, 0x9abc, 0x4def, 0x80, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07);

struct hv_context hv_context = {.guestid = 0x8100000606570000};
struct vmbus_connection vmbus_connection = {.conn_state = CONNECTED};
static struct vmbus_channel channels[6];

union hv_synic_sint sint2 = {.as_uint64 = 0x200f3};
typedef union hv_synic_sint sint_of_driver;
sint_of_driver sint5 = {.as_uint64 = 0x10000};
union hv_synic_simp simp = {.as_uint64 = 0xfa1001};
struct hv_message *message; /* the one in slot 2 of the first page */
struct hv_message_page *message_page;
struct hv_message *no_message;
struct hv_message *lost_message = (struct hv_message *)0xdead000;
u64 plain_number = 0x8100000606570000;
struct list_head *not_of_hyperv;
enum status { FINE, PROBED = 0xfaff } of_driver = PROBED; /* which is not the hypervisor's */
union hv_synic_siefp *declared_only = (union hv_synic_siefp *)&sint2; /* a type without members here */

/* Pages one after another from here on. */
#define PAGES 0x7e0000000000
static u8 *next_page = (u8 *)PAGES;

static void *allocate(size_t size) {
    void *page = mmap(next_page, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (page != next_page)
        return NULL;
    memset(page, 0, size);
    next_page += size;
    return page;
}

static bool read_page(const char *path, void *page) {
    FILE *file = path ? fopen(path, "rb") : NULL;
    bool is_read = file && fread(page, 1, PAGE, file) == PAGE;
    if (file)
        fclose(file);
    return is_read;
}

static void link_last(struct list_head *entry, struct list_head *list) {
    entry->prev = list->prev;
    entry->next = list;
    list->prev->next = entry;
    list->prev = entry;
}

static void ring(struct hv_ring_buffer_info *info, u32 size, u32 read, u32 write) {
    info->ring_buffer = allocate(PAGE + size);
    info->ring_size = PAGE + size;
    info->ring_datasize = size;
    if (info->ring_buffer) {
        info->ring_buffer->read_index = read;
        info->ring_buffer->write_index = write;
    }
}

static struct vmbus_channel *channel(int number, guid_t class, u32 relid, enum vmbus_channel_state state, u32 cpu) {
    struct vmbus_channel *made = &channels[number];
    made->offermsg.header.msgtype = 1;
    made->offermsg.offer.if_type = class;
    made->offermsg.offer.if_instance.b[0] = relid;
    made->offermsg.child_relid = relid;
    made->state = state;
    made->target_cpu = cpu;
    made->sc_list.next = made->sc_list.prev = &made->sc_list;
    return made;
}

static void make_channels(void) {
    struct list_head *list = &vmbus_connection.chn_list;
    list->next = list->prev = list;

    struct vmbus_channel *one = channel(0, nic, 14, CHANNEL_OPENED_STATE, 1);
    ring(&one->outbound, 16 * PAGE, 0x2000, 0x3000);
    ring(&one->inbound, 16 * PAGE, 0xff00, 0x100); /* past its end */
    link_last(&one->listentry, list);

    struct vmbus_channel *sub = channel(1, nic, 15, CHANNEL_OPENED_STATE, 3);
    sub->offermsg.offer.sub_channel_index = 1;
    sub->primary_channel = one;
    ring(&sub->outbound, 16 * PAGE, 0, 0);
    ring(&sub->inbound, 16 * PAGE, 0x40, 0x40);
    link_last(&sub->sc_list, &one->sc_list);

    one = channel(2, scsi, 2, CHANNEL_OPENED_STATE, 0);
    ring(&one->outbound, 4 * PAGE, 0x100, 0xf8); /* full but for 8 bytes, and the guest waits for room */
    if (one->outbound.ring_buffer)
        one->outbound.ring_buffer->pending_send_sz = 0x58;
    ring(&one->inbound, 4 * PAGE, 0, 0);
    link_last(&one->listentry, list);

    link_last(&channel(3, kvp, 7, CHANNEL_OFFER_STATE, 0)->listentry, list); /* not open: it has no rings */

    one = channel(4, unknown, 21, CHANNEL_OPEN_STATE, 4);
    one->rescind = true;
    ring(&one->outbound, PAGE, 0, 0x10);
    one->inbound.ring_buffer = (struct hv_ring_buffer *)0xdead000; /* cannot be read */
    one->inbound.ring_datasize = PAGE;
    link_last(&one->listentry, list);
}

#ifndef BEFORE_PERCPU
static struct hv_per_cpu_context contexts[NR_CPUS];
#endif

static void set_pages(int cpu, void *messages, void *events) {
#ifdef BEFORE_PERCPU
    hv_context.synic_message_page[cpu] = messages;
    hv_context.synic_event_page[cpu] = events;
#elif defined(PARAVISOR)
    contexts[cpu].hyp_synic_message_page = messages;
    contexts[cpu].hyp_synic_event_page = events;
    contexts[cpu].para_synic_message_page = cpu == 0 ? allocate(PAGE) : NULL;
#else
    contexts[cpu].synic_message_page = messages;
    contexts[cpu].synic_event_page = events;
#endif
}

/* A breakpoint stops here, when all is in place. */
__attribute__((noinline)) void ready(void) { __asm__ volatile(""); }

int main(int count, char **pages) {
    if (count != 3)
        return 2;
#ifndef BEFORE_PERCPU
    /* As the kernel has it: the pointer is an offset, to which that of the CPU is added. */
    const unsigned long start = 0x2a040;
    hv_context.cpu_context = (struct hv_per_cpu_context *)start;
    for (int cpu = 0; cpu < NR_CPUS; cpu++)
        __per_cpu_offset[cpu] = (unsigned long)&contexts[cpu] - start;
#endif
    for (int cpu = 0; cpu < 3; cpu++) { /* 2 is offline */
        struct hv_message_page *messages = allocate(PAGE);
        struct hv_synic_event_flags_page *events = allocate(PAGE);
        if (!messages || !events || (cpu < 2 && !read_page(pages[cpu + 1], messages)))
            return 1;
        if (cpu == 1)
            events->sintevent_flags[2].flags[0] = 1ul << 14 | 1ul << 15; /* the channels 14 and 15 */
        set_pages(cpu, messages, events);
        if (cpu == 0) {
            message_page = messages;
            message = &messages->sint_message[2];
        }
    }
    set_pages(4, (void *)0xdead000, (void *)0xdead000); /* and 3 has none */
    void *messages = allocate(PAGE), *events = allocate(PAGE);
    set_pages(5, messages, events);
    make_channels();
    ready();
    return 0;
}
