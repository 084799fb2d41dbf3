"""Two tasks that read, wait, and write."""

import asyncio

balance = 0


async def deposit(amount):
    global balance
    before = balance
    await asyncio.sleep(0)
    balance = before + amount  # bug


async def main():
    await asyncio.gather(deposit(50), deposit(70))


asyncio.run(main())
print(balance)

# Symptom: 70 instead of 120.
# $ history balance
# > 50
# $ why balance
