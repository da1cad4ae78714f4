// Small files that Python wrote: `checkpoint` by PyTorch 1.13, `arrays` by pickle and numpy 1.24; deflated,
// in base64. Used by tests only.
//   checkpoint = {'epoch': 3, 'state_dict': OrderedDict of module.…, 'optimizer': {…}, 'perf': float64(0.75)}
//     w     arange(6).reshape(2, 3) / 3      turned  its transpose, of the same storage
//     view  elements 2 to 4 of arange(8), whose storage 'optimizer' holds too
//     half [1.5, -2], bf [3, -0.5], count 7 (int64), flag [True, False]
//   arrays = {'w': as above, 'fortran': arange(6, int64).reshape(2, 3) column-major,
//     'big': arange(3, '>f4'), 'half': [1.5, -2], 'scalar': int32 7, 'flag': [True, False]}
import { inflateSync } from 'node:zlib';

const packed = {
  /** torch.save(checkpoint), PyTorch 1.13 */
  torchZip: `
    eNqlVUtw20QYXj9iO2qbhFJKeJVACzht6sR2EgKksWuCU6o2ddQGRCAYWZYtDbKlX1q5pENmfInbHpnhzHDgAOm5V+jQ
    I48ZOoSBGzMc4MAMw4lLZ2B35diWQgltd2a98u5+j/31/6sCHwojFIuhHW0I7UeSJataQxkvS1hKmO/q+dwAWvG0ZnAd
    UFzsIwDFNGQVAnxI5Mg/G0tYKZY1GUNQlg1dV2SsGXWbO2eVFUspz5MVDkKjAoTjIpWvGWVHVxIXoU/GBtFNFB2s6TZX
    tJSSo+nlIlbqtmEVGykOIvG4GGUihiVVFYi6EC6vGxI+705yEBMDZM8E9IshMsqmAxwfwbBniUd8kA+1YC8f4gMt2HdV
    pT4GMAwKMCTu6ZpRJb0CD6hETt2WOEWmOgr7mUISHlQ5PojhAGPegIf4wAYcdFkfxjAswCNif5e1VIFHPZw55js53eF9
    jPGm4HGX94k27yHK+6TLO4LhKQGe7nXb0JSLcNhlVt3Dp+EIoYhheGaJHnkDnqUUz7kUcQzk96i4r0uBHauulOHYNona
    r7KYjVEHIT7YguN8gIYu4VKMY5gQICnu7VLIhlPHkPIc8IxRr3YOl2bOJmGSUAcwTBHq0VGXbhrD8wLM9B6qoktVeMEb
    LsPQO2wvMrYpeMkN1Ww7VCfoOedc1gyGrAAnHfYODBNrNe2SYkFuHV52M5flKsyvwys8Woc8Sy3lPbMoNaqw0AlFO5Kn
    qEJsA16lCqddBR7DGQHO2jYLhClZUq1YtQzHtGFxFc6tQyEuBsmKbsHSQiZbOnvrz89uM+mSgiUbhIXM71/T9s1C5o+/
    vv3p4OVjLTgvRrbJbLiwCss8khzJEcN0VrEq8Jpcd2rmGom4pSRqjo41ybKkNc6WJV2yOHjdXefKeM0kkRKZhcoMvHH1
    ymVYEeDNOKlVGr1ZeGtxcfH036SxHx5hWC3JRdkoK7LNKXX6wMHbLIBuu/lpBorMoC5hrZ6Ed1ogCVBqgSxA2UkU+Ghs
    utm8OUzc0l644z0zgMY898z4RD4X990yd26U4drm5ty1zaMZhJoZ8pxZXt7KUP3rX83bw2Sd9rvQT96V/hy6wc66tfUh
    fTHhXbSyXq1UPjf7v7X+rWWz6Auqf/uTAx/cg376fvVd3iaJPaFGxA1qkv4x6TdI/zlLvb2f5S6NkA0ju3g74vU2mc+N
    7Oot2kZTHfOHXw1KHNtFZ9arM5XPzdxzDAJM+fPDX7LiCv6n8iA62VFuKJZNPof53In7Cv9KmqP6331UXe7qB+jQcdBb
    hUM7PPm/8H50bw0NeJBqGPnqdodyT014sb/5sUk/tjefvdgLfT5syo/tzTcv9ns/Nu3H9uaQF2tGfNhJP7Y3C7zYH/3Y
    KT+29w0OerBCFPmzpsBHImPt5UOh452tMd/4S8Adb0W3iyTCnq637/EAm+uLuJgY2+/u/QdC7GrK
  `,
  /** the same with _use_new_zipfile_serialization=False */
  torchLegacy: `
    eNp1lM1z20QYxiXZcVy1hfJVKJ/l22nBWG4cHChxKCUpVeM2KgHxEYQsrS0xsqRHWqWEGc/kErflb+DAsaR/BJ3hChyY
    4cCNKzPMMJwYZjoDu5LsOGbY8a7kXe3ze/fZd3dH+lL27n618vfJz25dOVHdkdZ+K7B2AKGiHxMEIYwCGliBZ2yRKHYD
    HyL7QD/KRjyXUo8YxLdd04d0Q5dZJ90OiRG7X5AYhQGKFX2GdcZOEFHMqJJeYP9cn6KkFvUi1wj8HmbVYpKMmPx7EgaW
    A1EtpJIxNSkxbNeikCwWiUcsygKJ5cuRTSJin2cjMgpzGseV2YR+YCceqV7DjEWDyHKqRkJdL5aNiHQS17MNSvw4iIyt
    uoxSpaLPppAgMnsEs9kUecULTHo165RRTgNRlPn5Rn1Rqc3jULoSK0wgq6U2xeF1VVAltTDEEbWgikMcvenwiO6huFfD
    Mf3wfliO6XVxn8PAzgh2gXWNWfdnrFqzrtQU5cwCHnBkVWKMB1PGLh5SxV0cz/QfpnhEwwn90L5+p4tHD6ifS9eiLIwJ
    j02sptlQ6ng8JzyRE57khKcywkmKpzU8M7mCLZdcw7MZw9m3ptaoL9SaeI6JlZnY8+vckF28wMVezMQqFKw9laZPLkaT
    yCc2Tv9HLnf6JSdz+GUeW0GVhqiqIjf6lUyyRqFoqOtH9iWtIGEpduaACZdYoo0NmJ+ELDbqaDCIyCALDDI3lwm/StHU
    sDi58K5n9vDaQXODwBvrvj7eunqz1lQWcDY39o3c2CXuRSvTX6Z4U8O5JN27IKRun52aCG8NcD4/NTzv8fYAK6owwGqa
    puTz0DC3erjwf+6/k7t/kRPLu1A58VJGXKNoa7gcx6lZoRmZfaMXBUkY48om1gfQKrrED2WEq6ut5c7aT39+czcNpUOo
    GePd1dbv3/Pyw2rrj79+/OX49dNDbOilkViM9zbxviqYiZmkpzskURe65Sf9cJvtSkSq/cSjrhlF5rYcW6ZnRjI+yMZl
    m18dMj5MQ+g28dHNG9fxsYbNCrsHRNZ3Fp+02+2L/7CSNqpAYXQswwpsYsUy8fmLjE9TQ7Py3a0WzDRAz6Sur6AzhKXB
    HoJo6PI7Z5PfOVMHTpzeRmna5cL0CSpOp+3MdIqVSFUahbUk3Bm9i0JZmCw7LdYssx+rO6x+zeodVn9dHs1gI9+WJmbc
    3ttbur13qsXnsvfWxsbPLTEfm82f/wLzCJ5C
  `,
  /** {'net': {'p': Parameter}}, legacy */
  parameters: `
    eNp1UD1PwzAQTZy0BUOhwMTGGJaqVAzZ6IC6RHyVxQuKQmK1RsbO2ZdKIFXqUlH4DfwA/ho/AYkBpxULEjecdO/e3bt3
    c/JG5ff78Ovo4eP6sDsnF5+ByzPwItbxPK80GnWuZTrlxgqtwHcE1nYdKRAlT7kqRKaALBl1ID6VPLXimVsIZhBGrOFA
    O9EGoZEQFrhKKIRmErKw3qHVGFpJWFVrzRVBcQR/BoT5tT4EOWqTT7pphUJamhp+XwlZpGVmskeO3FAI/6EgV1abdNqn
    0Igi1qpvccxszKG5HqFDqTO8XYMUWisTJ724349P47gHG6uL8rKCzYRcItCbxEvIArYSfwHbr7n7jOQ5usdYemUKbnhx
    LnKk0D4ewQ7C7gg6y0ld7L3A/ggOrHVO75zTP0J+1iXeb8zPXBr8ACosdq0=
  `,
  /** pickle.dumps(arrays, protocol=2), numpy 1.24 */
  paddle2: `
    eNptk+tS00AYhtOUgkbwrKh4xFNBrW2tiopNPSvRigvVeJjpJGnKdqZNedON2BmZ6Z9yuABvAu6iXJjubhL8Afsjb7LZ
    3efZL9meugolbSYURVlBwvGC1nI347R9N9MKmqxh+b7V1aq+67S9DvMDh2lQw1GaVwvfImkofQw5Vaddc52O5nriRkNK
    rmpj2Bzm2bRYw8thZA0HCA6uQyM4lDYShmok1zAaLVlj3WU+c8xU+Yx6AYc3N9ZxhOBo2kjK1WZxrFwuz/3lTV4MheG4
    vUlT5qQStsH2YGuwVRQxrfPHnh726JXKzh8dJyg3OElwiuG0bY4ITNtnvuVhnKpU7uQM5XpnCc7t6k3Q0Kgxg/PC6ALB
    RW5E97pcsje4S1b535JRJqIcilKNMhUlLguzKwSTDFdtU0yzG0u4FltdF1Y3CG4Kq2QfabpbpSnhNE1wK65SEbf3mN2R
    VRqLaPqgpyglgc0I7F2CLEPONoUdtZp15GPuPcEtENyX1ejjQczN46HgzhA82r8WjyVR7q+o7PTwRJBmCZ4yFG35T3Qc
    q2n50GNWSbCeETznrKm45gW8EJyXBK/257yWHGEuPifeCMxbgncMc+GG6k1rCUYMeS8gHwjK0YY+RiA7h3kB+kRA4kL+
    xsIe3KLEqfKToiJgnwm+MJi2OcE7F+QpCXy3ttiet3yr5TLXL/MolfB1Fd/SNGGO8nH8QP3M16rZzEo1i+90XPJ+4UcQ
    ZP4BLCcWXg==
  `,
  /** the same, protocol 3 */
  paddle3: `
    eNptkltT00AcxTdJAY14wSuKingNqLHUqqjYVIs34nScVWby1smmKelML5xlI3ZGZvpSga9SvoRfws+ju2nCS9mHnMzs
    P+d39mT7xi6I5WmEkB1oQSdub/XsoMtDux23RNPn3O+ZNR4G3c624HEgTOijKbNTH+3CcMkAuYrGMLGHSYopy9Vc3TV+
    40Q6Whe9rdDESU+XnEYR5sH+Hk5RTFuukbBXcbpara7/kyt5uETgDDuozMo9cjgclg6HSw4hfUe+Oxsbfx2cFTjHvCnl
    1+WC+x3MRHqURDkfyRwXKC4e5bgUjdDNFVxW6CsUsxIdjUOvsv1KnqTLSFVLNZeqnupEqrgmMMc8Nc6am7ieBbmhgtyk
    mFdBjAFuRUcNLKgYtynuZA2UcHcszD3ZwLQCOH1Cygp0X+AB81SOyG81YGWkRUVaoniYHHmARxmpgMeKZFM8Of7AecnI
    kRL5g2WBAvMm5Vfbgd/yOZ5m7kXl/oziuXRfzKos4oVyXqF4ebzzK+WsfhBeC6yOUjda/ibeZL4l5etQlNPUb1Nvtox3
    yrtCsZb18wvvxwgfJEHXCD4KfGLenJz6ltzRmIf1792vPvfboQh5VUq5jM+7WLcizVONyuv8o1Cv5e2dWh5uNJMgfuJL
    HNv/AaCW7Rk=
  `,
  /** protocol 4 */
  paddle4: `
    eNqFUs1Kw0AQ3s2PQSgeBEXwBaqHUEsPHqQp5GYgiNpz2fx1C2lStom1oNBLtYW9dXyJ9iV8CZ9Hk238KY06h/0GZvb7
    5htmorwsJCTiEaocj4AfRGl/MNbdmPl6Pw2THmGMjIFXOsx342iYsNRNYAFcFY3AtchbtyzAQlMwsQPPcA1VC1uSJT8B
    VbnqJeOBn3+SggbMZ+u6zPEF2LZ9+Z6FeCyUgDM3j/J5Vstlc7U8NRCaGFlutNtvBmRlrgUxSxiJgCpUyxXp7qbeHpd6
    598qdH9bY2bWUBFygbhApcBiLUgtUGjLTq9boitPheqmt2apt0rOZUwQan1yKpSEQZmZgrT+t5W5qaAmehVUO0OXhIRt
    k52IpTT+ZdK+hgpC0v19KOfsp9OHUqcSXlMd34iTSZnv3cZXhJG+n/jMzqDVguzqKOaV7LDu6l6npo86NaCHHN9Dmuof
    25X1vg==
  `,
  /** protocol 5 */
  paddle5: `
    eNqFkk1LwzAcxtN2c4IDYSfBL1A9lDl28CDrQPBgoYi680i7ZBls64ipc6DQy3yB3Py7D7F9Cb+En0dD2u4FdP4PeXJI
    fs/zhCTFj66J9DyBLY0xyMowHowmThhx4qgt4b0Q5F6b8mgQxJQSDu9gzw7QahbzeWMxP3YRSly1d1utLxdkUXOUdsRk
    RNQladI6vL2+wDXYniWNM/B9//JbjV48JCDwTM96Bmmcg1DHZIlGXHA8BFawZ1W0OVamRqaFTLM+qJgpsF1p9k5X1qz8
    t/FFamwFva42La8ZuglCzRy42aXxWxdrCmxf4woM96nm5SFRA32mnNp/wZaUnbsQ9zHf4JSWBevbOUd5FNrHaTVz+X4a
    EJysF3qErVEObwSPQxFz0rmNrjDHAyII95U0m6B+EjNkOYyG97VOu+qM21VgFWk8QBw7P83D2IY=
  `,
  /** an optimizer’s state as Paddle pickles it, protocol 4 */
  pdopt: `
    eNptUE1Lw0AQzaaNLaVHFU+eewpRehQi5CC4mkP9AUs+Vraw+WCzq+Qg9NJoYW4df0T/jv/Eu6Cb9OqDGZh5bx682Yw/
    l8QZ8IYLOM+q8uU6Z4H/ygJWVAUv9RULEKapWUu9LhsET5tactyjIHBWmqJu/axS3C+MFSRKJS3CnClurRqtTKatFLxB
    iDAp86Nkj9TZYkRSfMcVLiihLh11KKbg5bqte39wn5e4+zjyIyA3GMfx/a/F0KijMd1FF46zCf8rtHSHW3sN84cVe8oE
    z43kCvugM5k0mvG6ygTSGUyGUSq8C2/Tx6/vw48Rl5SAa1fCg5MmS2Si+syn0dj+KsTO+hr/D6opeOc=
  `,
  /** an array in three slices, protocol 2 */
  slices: `
    eNpN0VtP2zAUB3A3UAbhsrJxGwMGuwY2AgUGQ0Ii8LZF6iajSXmZkOMGHK1N+0+chz5U4qVcvgWfBT7YZicpYEUnR479
    8znOhdEFsbwyIYQ5jr2JEo/SZrtj81Yc2M20IUMWx6xjnsYBb0WJjFMuTRj5KjOq518x4JIeBvkpb9UDnphBpBMTZa+k
    ZB9D3pB6N5gMoyqeXWKYYuQKJsWo5ZbcwR7GCrAuO221b9wz1PqzHUzcXF/hOUXFcgcy6wCTtVrtxz81suASiRf+jSh7
    k6Q/7i4OVXTU4+ClUMdNUUxLzPgPfVYxKwyRFT0nVCWvKOaLSl6LitamCkkpd7cq3Ovs/tbBggYXKZYk3jyCW1jugysa
    fEvxToNGD+9zcDiv7YiQyhE+aOQjxScJyy/uaLUPrGngM8WXAljPgZGn/cHWwgbFpkTV96bV7O+ozfjf4/D8F4tZ83t0
    1opV/1tdbGcHMOx08dXyRlX+Mw7Pw+hEsHaAXddwy5fYy/5Q0gh5kODbH+xboiRmxXKQJqn9H7DcmBQ=
  `,
};

export type Golden = keyof typeof packed;

export const golden = (name: Golden): Uint8Array =>
  new Uint8Array(inflateSync(Buffer.from(packed[name], 'base64')));
