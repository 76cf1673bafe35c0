/* SPDX-License-Identifier: MIT */
/*
 * Registers and descriptors of the 82540EM that this driver uses, from Intel's "PCI/PCI-X Family of
 * Gigabit Ethernet Controllers Software Developer's Manual", chapters 3 and 13. All values are
 * little-endian.
 */
#ifndef E1000_HW_H
#define E1000_HW_H

#include <stdint.h>

#define E1000_VENDOR 0x8086
#define E1000_DEVICE 0x100e
#define E1000_NAME "device 8086:100e"

#define REG_CTRL 0x0000
#define CTRL_FULL_DUPLEX (1u << 0)
#define CTRL_AUTO_SPEED (1u << 5)
#define CTRL_LINK_UP (1u << 6)
#define CTRL_RESET (1u << 26)
#define REG_STATUS 0x0008
#define STATUS_LINK_UP (1u << 1)
#define REG_MDIC 0x0020
#define MDIC_PHY1 (1u << 21)
#define MDIC_REGISTER(n) ((uint32_t)(n) << 16)
#define MDIC_WRITE (1u << 26)
#define MDIC_READ (1u << 27)
#define MDIC_READY (1u << 28)
#define REG_INTERRUPT_CLEAR 0x00d8
#define REG_RCTL 0x0100
#define RCTL_ENABLE (1u << 1)
#define RCTL_ALL_UNICAST (1u << 3)
#define RCTL_ALL_MULTICAST (1u << 4)
#define RCTL_BROADCAST (1u << 15)
#define RCTL_STRIP_CRC (1u << 26)
#define REG_TCTL 0x0400
#define TCTL_ENABLE (1u << 1)
#define TCTL_PAD_SHORT (1u << 3)
#define TCTL_COLLISIONS (0x0fu << 4 | 0x40u << 12)
#define REG_TIPG 0x0410
#define TIPG_DEFAULT (10u | 8u << 10 | 6u << 20)
/* A ring's registers: the first one, and the offsets of base (low, high), bytes, head and tail. */
#define REG_RX_RING 0x2800
#define REG_TX_RING 0x3800
#define RING_BASE_LOW 0x00
#define RING_BASE_HIGH 0x04
#define RING_BYTES 0x08
#define RING_HEAD 0x10
#define RING_TAIL 0x18
#define REG_MISSED_FRAMES 0x4010
#define REG_MULTICAST 0x5200
#define MULTICAST_WORDS 128
#define REG_ADDRESS_LOW 0x5400
#define REG_ADDRESS_HIGH 0x5404

/* Registers of the PHY, which are accessed through MDIC. */
#define PHY_CONTROL 0
#define PHY_POWER_DOWN (1u << 11)
#define PHY_AUTO_NEGOTIATE (1u << 12 | 1u << 9)

struct tx_descriptor {
	uint64_t address;
	uint16_t len;
	uint8_t checksum_offset;
	uint8_t command;
	uint8_t status;
	uint8_t checksum_start;
	uint16_t special;
};
#define TX_END_OF_PACKET (1u << 0)
#define TX_INSERT_FCS (1u << 1)
#define TX_REPORT_STATUS (1u << 3)
/* Status bits: excessive collisions, late collision. */
#define TX_GIVEN_UP (1u << 1 | 1u << 2)

struct rx_descriptor {
	uint64_t address;
	uint16_t len;
	uint16_t checksum;
	uint8_t status;
	uint8_t errors;
	uint16_t special;
};
#define RX_END_OF_PACKET (1u << 1)

/* Status bit of both kinds of descriptors. */
#define STATUS_DONE (1u << 0)

#endif /* E1000_HW_H */
