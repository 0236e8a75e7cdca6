/* SPDX-License-Identifier: MIT */
/* std::wcout, std::wcerr, std::wclog and the wide string streams for a wchar_t of 16 bits: the C++ library's own are built for 32. These
 * write UTF-8 to narrow streams, whose widths, bases and states they share. Not whole wide streams: no locales, no input, no files. */
#ifndef VDS_COMPAT_WIDE_OUT_H
#define VDS_COMPAT_WIDE_OUT_H
#if __SIZEOF_WCHAR_T__ == 2

#include <iostream>
#include <sstream>
#include <string>

#include <windows.h>

#ifdef __GLIBCXX__
namespace std _GLIBCXX_VISIBILITY(default)
{
_GLIBCXX_BEGIN_NAMESPACE_VERSION
template <typename C> struct _Setfill; /* what std::setfill(L'0') is: <iomanip> may come later, or be what includes this */
_GLIBCXX_END_NAMESPACE_VERSION
}
#endif

namespace vds_compat {

class wide_out {
public:
    explicit wide_out(std::ostream &out) : to(out)
    {
    }

    wide_out &operator<<(const wchar_t *text)
    {
        return text ? write(text, static_cast<int>(wcslen(text))) : *this;
    }
    wide_out &operator<<(wchar_t *text)
    {
        return *this << static_cast<const wchar_t *>(text);
    }
    wide_out &operator<<(const std::wstring &text)
    {
        return write(text.data(), static_cast<int>(text.size()));
    }
    wide_out &operator<<(wchar_t unit)
    {
        return write(&unit, 1);
    }
    wide_out &operator<<(std::ostream &(*manipulator)(std::ostream &)) /* std::endl, std::flush */
    {
        manipulator(to);
        return *this;
    }
    wide_out &operator<<(std::ios_base &(*manipulator)(std::ios_base &)) /* std::hex and its kin */
    {
        manipulator(to);
        return *this;
    }
#ifdef __GLIBCXX__
    template <class C> wide_out &operator<<(std::_Setfill<C> filler)
    {
        to.fill(static_cast<char>(filler._M_c));
        return *this;
    }
#endif
    template <class T> wide_out &operator<<(const T &value)
    {
        to << value;
        return *this;
    }

    wide_out &write(const wchar_t *text, int n)
    {
        std::string narrow(static_cast<size_t>(n) * 3, '\0'); /* a unit takes up to three bytes, two take four */

        narrow.resize(static_cast<size_t>(n ? WideCharToMultiByte(CP_UTF8, 0, text, n, &narrow[0], n * 3, nullptr, nullptr) : 0));
        to << narrow;
        return *this;
    }
    wide_out &flush()
    {
        to.flush();
        return *this;
    }
    explicit operator bool() const
    {
        return !to.fail();
    }

private:
    std::ostream &to;
};

class wide_string_out : public wide_out {
public:
    wide_string_out() : wide_out(narrow)
    {
    }
    std::wstring str() const
    {
        const std::string text = narrow.str();
        std::wstring wide(text.size(), L'\0');

        if (!text.empty())
            wide.resize(static_cast<size_t>(MultiByteToWideChar(CP_UTF8, 0, text.data(), static_cast<int>(text.size()), &wide[0],
                                                                static_cast<int>(wide.size()))));
        return wide;
    }
    void str(const std::wstring &text)
    {
        narrow.str(std::string());
        *this << text;
    }
    void clear()
    {
        narrow.clear();
    }

private:
    std::ostringstream narrow;
};

} // namespace vds_compat

namespace std {
static vds_compat::wide_out vds_wcout [[maybe_unused]](cout), vds_wcerr [[maybe_unused]](cerr), vds_wclog [[maybe_unused]](clog);
using vds_wostringstream = vds_compat::wide_string_out;
}
#define wcout vds_wcout
#define wcerr vds_wcerr
#define wclog vds_wclog
#define wostringstream vds_wostringstream
#define wstringstream vds_wostringstream

#endif
#endif
