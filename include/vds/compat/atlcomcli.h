/* SPDX-License-Identifier: MIT */
/* CComPtr and CComQIPtr: a reference to an object, given back at the end of its scope. CComQIPtr asks an object of another type for the
 * interface, and is empty when it has none. No other part of ATL; here and with MinGW, which has no ATL. */
#ifdef _MSC_VER
#include_next <atlcomcli.h>
#elif !defined(VDS_COMPAT_ATLCOMCLI_H)
#define VDS_COMPAT_ATLCOMCLI_H

#include <assert.h>

#include <windows.h>

template <class T> class CComPtr {
public:
    T *p = nullptr;

    CComPtr() = default;
    CComPtr(T *object) : p(object)
    {
        if (p)
            p->AddRef();
    }
    CComPtr(const CComPtr &other) : CComPtr(other.p)
    {
    }
    CComPtr(CComPtr &&other) noexcept : p(other.Detach())
    {
    }
    ~CComPtr()
    {
        Release();
    }
    CComPtr &operator=(CComPtr other) noexcept
    {
        T *object = p;

        p = other.p;
        other.p = object;
        return *this;
    }
    CComPtr &operator=(T *object)
    {
        return *this = CComPtr(object);
    }
    template <class Q> CComPtr &operator=(const CComPtr<Q> &other)
    {
        return *this = Asked(other.p, __uuidof(T));
    }

    operator T *() const
    {
        return p;
    }
    T *operator->() const
    {
        return p;
    }
    T &operator*() const
    {
        return *p;
    }
    bool operator!() const
    {
        return !p;
    }
    /* To be filled by a call: what is there already would be lost. */
    T **operator&()
    {
        assert(!p);
        return &p;
    }

    void Release()
    {
        T *object = Detach();

        if (object)
            object->Release();
    }
    /* The caller's reference becomes this one's; and the other way round. */
    void Attach(T *object)
    {
        Release();
        p = object;
    }
    T *Detach()
    {
        T *object = p;

        p = nullptr;
        return object;
    }
    HRESULT CopyTo(T **to) const
    {
        if (!to)
            return E_POINTER;
        *to = CComPtr(p).Detach();
        return S_OK;
    }
    template <class Q> HRESULT QueryInterface(Q **to) const
    {
        return p->QueryInterface(__uuidof(Q), reinterpret_cast<void **>(to));
    }
    HRESULT CoCreateInstance(REFCLSID id, IUnknown *outer = nullptr, DWORD context = CLSCTX_ALL)
    {
        assert(!p);
        return ::CoCreateInstance(id, outer, context, __uuidof(T), reinterpret_cast<void **>(&p));
    }
    bool IsEqualObject(IUnknown *other) const
    {
        return CComPtr<IUnknown>::Asked(p, __uuidof(IUnknown)).p == CComPtr<IUnknown>::Asked(other, __uuidof(IUnknown)).p;
    }

    static CComPtr Asked(IUnknown *object, REFIID iid)
    {
        CComPtr found;

        if (object && FAILED(object->QueryInterface(iid, reinterpret_cast<void **>(&found.p))))
            found.p = nullptr;
        return found;
    }
};

template <class T, const IID *iid = nullptr> class CComQIPtr : public CComPtr<T> {
public:
    CComQIPtr() = default;
    CComQIPtr(T *object) : CComPtr<T>(object)
    {
    }
    CComQIPtr(const CComPtr<T> &other) : CComPtr<T>(other)
    {
    }
    template <class Q> CComQIPtr(Q *object) : CComPtr<T>(CComPtr<T>::Asked(object, Identifier(iid)))
    {
    }
    template <class Q> CComQIPtr(const CComPtr<Q> &other) : CComQIPtr(other.p)
    {
    }

private:
    static REFIID Identifier(const IID *given)
    {
        return given ? *given : __uuidof(T);
    }
};
#endif
