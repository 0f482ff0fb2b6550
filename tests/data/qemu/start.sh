#!/bin/sh
# A Windows guest by hand.
exec qemu-system-x86_64 \
  -enable-kvm -name win10 \
  -machine q35,smm=on \
  -cpu host,hv_relaxed,hv_vapic,hv_spinlocks=0xfff,hv_stimer,hv_synic,+hv-time,-hv-time,hv_foo \
  -smp 4 -m 8G \
  -drive file=win10.qcow2,if=virtio
