"""Large code: more than 64 variables, long jumps between lines, many arguments, many lines."""


def many():
    v0 = 0
    v1 = 1
    v2 = 2
    v3 = 3
    v4 = 4
    v5 = 5
    v6 = 6
    v7 = 7
    v8 = 8
    v9 = 9
    v10 = 10
    v11 = 11
    v12 = 12
    v13 = 13
    v14 = 14
    v15 = 15
    v16 = 16
    v17 = 17
    v18 = 18
    v19 = 19
    v20 = 20
    v21 = 21
    v22 = 22
    v23 = 23
    v24 = 24
    v25 = 25
    v26 = 26
    v27 = 27
    v28 = 28
    v29 = 29
    v30 = 30
    v31 = 31
    v32 = 32
    v33 = 33
    v34 = 34
    v35 = 35
    v36 = 36
    v37 = 37
    v38 = 38
    v39 = 39
    v40 = 40
    v41 = 41
    v42 = 42
    v43 = 43
    v44 = 44
    v45 = 45
    v46 = 46
    v47 = 47
    v48 = 48
    v49 = 49
    v50 = 50
    v51 = 51
    v52 = 52
    v53 = 53
    v54 = 54
    v55 = 55
    v56 = 56
    v57 = 57
    v58 = 58
    v59 = 59
    v60 = 60
    v61 = 61
    v62 = 62
    v63 = 63
    v64 = 64
    v65 = 65
    v66 = 66
    v67 = 67
    v68 = 68
    v69 = 69
    v70 = 70
    v71 = 71
    v72 = 72
    v73 = 73
    v74 = 74
    v75 = 75
    v76 = 76
    v77 = 77
    v78 = 78
    v79 = 79
    v79 = v0
    v64 = "changed"
    del v70
    return v64


def far(n):
    while n:
        n -= 1
        if n % 2:
            # far away 1
            # far away 2
            # far away 3
            # far away 4
            # far away 5
            # far away 6
            # far away 7
            # far away 8
            # far away 9
            # far away 10
            # far away 11
            # far away 12
            # far away 13
            # far away 14
            # far away 15
            # far away 16
            # far away 17
            # far away 18
            # far away 19
            # far away 20
            # far away 21
            # far away 22
            # far away 23
            # far away 24
            # far away 25
            # far away 26
            # far away 27
            # far away 28
            # far away 29
            # far away 30
            # far away 31
            # far away 32
            # far away 33
            # far away 34
            # far away 35
            # far away 36
            # far away 37
            # far away 38
            # far away 39
            # far away 40
            # far away 41
            # far away 42
            # far away 43
            # far away 44
            # far away 45
            # far away 46
            # far away 47
            # far away 48
            # far away 49
            # far away 50
            # far away 51
            # far away 52
            # far away 53
            # far away 54
            # far away 55
            # far away 56
            # far away 57
            # far away 58
            # far away 59
            # far away 60
            # far away 61
            # far away 62
            # far away 63
            # far away 64
            # far away 65
            # far away 66
            # far away 67
            # far away 68
            # far away 69
            # far away 70
            # far away 71
            # far away 72
            # far away 73
            # far away 74
            # far away 75
            # far away 76
            # far away 77
            # far away 78
            # far away 79
            # far away 80
            # far away 81
            # far away 82
            # far away 83
            # far away 84
            # far away 85
            # far away 86
            # far away 87
            # far away 88
            # far away 89
            # far away 90
            # far away 91
            # far away 92
            # far away 93
            # far away 94
            # far away 95
            # far away 96
            # far away 97
            # far away 98
            # far away 99
            # far away 100
            # far away 101
            # far away 102
            # far away 103
            # far away 104
            # far away 105
            # far away 106
            # far away 107
            # far away 108
            # far away 109
            # far away 110
            n += 0
        else:
            # farther 1
            # farther 2
            # farther 3
            # farther 4
            # farther 5
            # farther 6
            # farther 7
            # farther 8
            # farther 9
            # farther 10
            # farther 11
            # farther 12
            # farther 13
            # farther 14
            # farther 15
            # farther 16
            # farther 17
            # farther 18
            # farther 19
            # farther 20
            # farther 21
            # farther 22
            # farther 23
            # farther 24
            # farther 25
            # farther 26
            # farther 27
            # farther 28
            # farther 29
            # farther 30
            # farther 31
            # farther 32
            # farther 33
            # farther 34
            # farther 35
            # farther 36
            # farther 37
            # farther 38
            # farther 39
            # farther 40
            continue
    return n


def wide(a0,a1,a2,a3,a4,a5,a6,a7,a8,a9,a10,a11,a12,a13,a14,a15,a16,a17,a18,a19,a20,a21,a22,a23,a24,a25,a26,a27,a28,a29,a30,a31,a32,a33,a34,a35,a36,a37,a38,a39,a40,a41,a42,a43,a44,a45,a46,a47,a48,a49,a50,a51,a52,a53,a54,a55,a56,a57,a58,a59,a60,a61,a62,a63,a64,a65,a66,a67,a68,a69, *rest, **more):  # fmt: skip
    a69 = a0
    return rest, more


many()
far(4)
wide(*range(75), key=[1])
