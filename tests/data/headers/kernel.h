/* What the Hyper-V headers take from the rest of the kernel: no more than lets a compiler lay their structs out. Written for this
 * test; the kernel's own types that Linux keeps beside them (a lock, a list) have no meaning here, so one byte stands for each. */
typedef unsigned char __u8, u8, bool;
typedef unsigned short __u16, u16, __le16;
typedef unsigned int __u32, u32, __le32, gfp_t;
typedef unsigned long long __u64, u64, __le64, dma_addr_t, phys_addr_t, resource_size_t;
typedef long long s64, __s64;
typedef unsigned long ulong, size_t, uintptr_t;
typedef struct { u8 b[16]; } guid_t, uuid_le;
typedef struct { char opaque; } spinlock_t, atomic_t, wait_queue_head_t;
enum { false, true };

#ifndef __packed
#define __packed     __attribute__((packed))
#define __aligned(x) __attribute__((aligned(x)))
#endif
#define __must_check
#define __always_inline inline

#define BIT(n)           (1UL << (n))
#define IS_ENABLED(x)    (x)
#define PAGE_SIZE        4096
#define offsetof(type, member) __builtin_offsetof(type, member)
#define container_of(p, type, member) ((type *)((char *)(p) - offsetof(type, member)))
#define static_assert(condition, ...) _Static_assert(condition, "static_assert")
#define DECLARE_FLEX_ARRAY(type, name) type name[0]
#define __TRAILING_OVERLAP(type, name, fam, attributes, members) \
	union { type name; struct { u8 before_##name[offsetof(type, fam)]; members } attributes; }

struct list_head { char opaque; };
struct mutex { char opaque; };
struct completion { char opaque; };
struct tasklet_struct { char opaque; };
struct rcu_head { char opaque; };
struct kobject { char opaque; };
struct work_struct { char opaque; };
struct device { void *driver_data; };
struct device_driver { char opaque; };
struct device_dma_parameters { char opaque; };
struct reciprocal_value { char opaque; };

