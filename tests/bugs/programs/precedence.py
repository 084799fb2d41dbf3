"""`and` binds more than `or`."""


def may_enter(is_member, is_guest, has_ticket):
    return is_member or is_guest and has_ticket  # bug


print(may_enter(is_member=True, is_guest=False, has_ticket=False))

# Symptom: somebody is let in without a ticket.
# $ calls --function may_enter
# > has_ticket=False) → True
# $ find --function may_enter --kind return --when "not has_ticket"
